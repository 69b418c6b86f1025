import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ApiCommand, ApiRead } from '../../../src/http/api-docs';
import type { Reply } from '../../../src/http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../../src/http/commands';
import { Permission } from '../../../src/http/permission';
import { Reads } from '../../../src/http/reads';
import { SetReminder } from './reminder.creators';
import { NewReminderDto, RemindersDto, SetReminderDto } from './reminder.dto';
import { listReminders } from './reminder.queries';

@ApiTags('reminders')
@Controller('v1/reminders')
export class ReminderController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('reminders.set')
  @ApiCommand({ status: 201, type: NewReminderDto, problems: ['reminder_in_the_past'] })
  set(@AsCommand() request: CommandRequest, @Body() body: SetReminderDto): Promise<NewReminderDto> {
    return this.commands.submit(request, SetReminder, body);
  }

  @Get()
  @Permission('reminders.read')
  @ApiRead({ type: RemindersDto })
  async list(@Res({ passthrough: true }) reply: Reply): Promise<RemindersDto> {
    const { value } = await this.reads.read(reply, listReminders);
    return { data: value.map(({ reminder_id: id, text, status }) => ({ id, text, status })) };
  }
}
