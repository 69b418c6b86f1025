import { METHOD_METADATA } from '@nestjs/common/constants';
import { MetadataScanner } from '@nestjs/core';
import type { ServiceClass } from '../engine/define/feature';
import { accessOf, EVERYBODY } from './permission';
import { documentedProblems } from './problem-responses';
import type { Problems } from './problems';
import { StartFailed } from './start-failure';

const PERMISSION = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/;

/** A handler of a controller. */
export interface Route {
  /** `AccountController.open` */
  readonly name: string;
  readonly handler: object;
}

/** The routes of some controllers. */
export function routesOf(controllers: readonly ServiceClass<object>[]): Route[] {
  const scanner = new MetadataScanner();
  return controllers.flatMap((controller) => {
    const methods = controller.prototype as Record<string, object>;
    return scanner
      .getAllMethodNames(methods)
      .map((name) => ({ name: `${controller.name}.${name}`, handler: methods[name]! }))
      .filter(({ handler }) => Reflect.hasMetadata(METHOD_METADATA, handler));
  });
}

/**
 * Every route says who may use it, and documents no problem that nobody declares.
 * @throws StartFailed naming each that does not
 */
export function checkRoutes(
  controllers: readonly ServiceClass<object>[],
  problems: Pick<Problems, 'has'>,
): void {
  const wrong = routesOf(controllers).flatMap(({ name, handler }) => [
    ...wrongAccess(handler).map((what) => `${name} ${what}`),
    ...documentedProblems(handler)
      .filter((code) => !problems.has(code))
      .map((code) => `${name} documents ${code}, which no feature declares`),
  ]);
  if (wrong.length === 0) return;
  const lines = wrong.map((line) => `  - ${line}`).join('\n');
  throw new StartFailed(`The routes are not complete:\n${lines}`);
}

function wrongAccess(handler: object): string[] {
  const access = accessOf(handler);
  if (access === undefined) return ['has neither @Permission nor @Public'];
  if (access === EVERYBODY || PERMISSION.test(access)) return [];
  return [`asks for "${access}", which is not of the form noun.verb`];
}
