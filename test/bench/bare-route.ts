import 'reflect-metadata';
import { Body, Controller, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsIn,
  IsObject,
  IsString,
  Length,
  Matches,
  ValidateNested,
} from 'class-validator';
import { AMOUNT_PATTERN } from '../../src/money/amount';

class BarePosting {
  @IsString()
  @Length(1, 71)
  accountId!: string;

  @IsIn(['debit', 'credit'])
  direction!: string;

  @Matches(AMOUNT_PATTERN)
  amount!: string;
}

class BareTransaction {
  @IsString()
  @Length(1, 1000)
  description!: string;

  @ArrayMinSize(2)
  @ArrayMaxSize(1000)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => BarePosting)
  postings!: BarePosting[];
}

/** The framework's own speed: its validation as its documentation shows it, and nothing behind. */
@Controller('v1/transactions')
class BareController {
  @Post()
  post(@Body() body: BareTransaction): BareTransaction {
    return body;
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), {
    logger: false,
  });
  app.useGlobalPipes(
    new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }),
  );
  await app.listen(0, '127.0.0.1');
  process.stdout.write(`listens on ${await app.getUrl()}\n`);
}

void main();
