import 'reflect-metadata';
import { Body, Controller, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ValidationPipe } from '../../src/http/validation';
import { PostTransactionDto } from '../../src/transactions/transaction.dto';

/** The route that the framework's own speed is measured on: validates, and answers what it got. */
@Controller('v1/transactions')
class BareController {
  @Post()
  post(@Body() body: PostTransactionDto): PostTransactionDto {
    return body;
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), {
    logger: false,
  });
  app.useGlobalPipes(new ValidationPipe());
  await app.listen(0, '127.0.0.1');
  process.stdout.write(`listens on ${await app.getUrl()}\n`);
}

void main();
