import 'reflect-metadata';
import { Body, Controller, Get, Module, Post, Query, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IsString } from 'class-validator';
import { Text } from './fields';
import { compileRequests, requestClasses } from './request-classes';

class NoteDto {
  @Text(1, 10)
  text!: string;
}

class NoteQuery {}

class GroupedDto {
  @IsString({ groups: ['create'] })
  text!: string;
}

@Controller('notes')
class NoteController {
  @Post()
  write(@Body() body: NoteDto): NoteDto {
    return body;
  }

  @Get()
  read(@Query() query: NoteQuery): NoteQuery {
    return query;
  }
}

@Controller('grouped')
class GroupedController {
  @Post()
  write(@Body() body: GroupedDto): GroupedDto {
    return body;
  }
}

@Controller('shapeless')
class ShapelessController {
  @Post()
  write(@Body() body: { text: string }): object {
    return body;
  }
}

async function appOf(...controllers: Type[]) {
  @Module({ controllers })
  class NotesModule {}
  return NestFactory.create(NotesModule, new FastifyAdapter(), { logger: false });
}

describe('the classes of the routes', () => {
  it('are those of bodies and queries', async () => {
    const app = await appOf(NoteController);
    expect([...requestClasses(app)]).toEqual([NoteDto, NoteQuery]);
    expect(() => compileRequests(app)).not.toThrow();
  });

  it('stop the start where one cannot be compiled', async () => {
    const app = await appOf(NoteController, GroupedController);
    expect(() => compileRequests(app)).toThrow('GroupedDto.text cannot be checked: one of its');
  });

  it('stop the start where there is none', async () => {
    const app = await appOf(ShapelessController);
    const sentence = 'ShapelessController.write takes a body or a query of no class';
    expect(() => compileRequests(app)).toThrow(sentence);
  });
});
