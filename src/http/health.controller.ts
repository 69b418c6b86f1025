import { Controller, Get, Header, HttpStatus, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Reply } from './caller';
import { Health } from './health';
import { LiveDto, ReadyDto } from './health.dto';
import { Public } from './permission';

@ApiTags('health')
@Controller('v1/health')
export class HealthController {
  constructor(private readonly health: Health) {}

  /** The process answers. */
  @Get('live')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiResponse({ status: 200, type: LiveDto })
  live(): LiveDto {
    return { status: 'ok' };
  }

  /** Both databases answer and writes are taken. */
  @Get('ready')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiResponse({ status: 200, type: ReadyDto, description: 'Reads and writes work' })
  @ApiResponse({ status: 503, type: ReadyDto, description: '`failure` says why not' })
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<ReadyDto> {
    const state = await this.health.read();
    const isReady = state.status === 'ready';
    reply.code(isReady ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return state;
  }
}
