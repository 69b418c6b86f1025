import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiCommand } from '../../http/api-docs';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { Permission } from '../../http/permission';
import { CalculateInterestOwed } from './interest.creators';
import { AccrueInterestDto, InterestAccrualsDto } from './interest.dto';

@ApiTags('interest')
@Controller('v1/interest-accruals')
export class InterestController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Permission('interest.accrue')
  @ApiOperation({ summary: 'Credit accounts with the interest owed through a day' })
  @ApiCommand({
    status: 201,
    type: InterestAccrualsDto,
    problems: [
      'future_effective_date',
      'already_accrued',
      'account_not_found',
      'account_not_eligible',
      'account_closed',
      'account_frozen',
      'insufficient_funds',
      'balance_limit_exceeded',
    ],
  })
  accrue(
    @AsCommand() request: CommandRequest,
    @Body() body: AccrueInterestDto,
  ): Promise<InterestAccrualsDto> {
    return this.commands.submit(request, CalculateInterestOwed, body);
  }
}
