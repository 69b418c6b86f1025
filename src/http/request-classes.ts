import type { INestApplicationContext, Type } from '@nestjs/common';
import { PARAMTYPES_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { compileShape, type Shape } from './shape-compiler';
import { StartFailed } from './start-failure';

const CHECKED: readonly number[] = [RouteParamtypes.BODY, RouteParamtypes.QUERY];

/**
 * Compiles the check of every body and query that a route takes, so that one that cannot be
 * compiled stops the start and not the first request.
 * @throws RuleNotCompilable, StartFailed for a body or a query of no class
 */
export function compileRequests(app: INestApplicationContext): void {
  for (const shape of requestClasses(app)) compileShape(shape);
}

/** The classes of the bodies and queries that the routes of an application take. */
export function requestClasses(app: INestApplicationContext): Set<Shape> {
  const found = new Set<Shape>();
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      for (const shape of classesOf(metatype as Type<object>)) found.add(shape);
    }
  }
  return found;
}

function* classesOf(controller: Type<object>): Generator<Shape> {
  const prototype = controller.prototype as object;
  for (const method of new MetadataScanner().getAllMethodNames(prototype)) {
    const parameters = Reflect.getMetadata(PARAMTYPES_METADATA, prototype, method) as unknown[];
    const args = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as object | undefined;
    for (const key of Object.keys(args ?? {})) {
      const [kind, index] = key.split(':').map(Number) as [number, number];
      if (!CHECKED.includes(kind)) continue;
      const shape = parameters[index];
      // An interface, for instance, is an Object to whoever looks when the program runs.
      if (typeof shape !== 'function' || isBuiltIn(shape)) {
        throw new StartFailed(`${controller.name}.${method} takes a body or a query of no class`);
      }
      yield shape as Shape;
    }
  }
}

function isBuiltIn(type: object): boolean {
  return [Object, Array, String, Number, Boolean].some((builtIn) => builtIn === type);
}
