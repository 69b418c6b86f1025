import type { DynamicModule, InjectionToken, Provider, Type } from '@nestjs/common';
import type { Feature, FeatureService } from '../engine/define/feature';

/**
 * A feature's part of the service as a module of Nest. It is global: what a feature shows to others
 * it names once, and who may use it is a matter of imports, which a spec checks.
 */
export function featureModule(
  { name }: Pick<Feature, 'name'>,
  service: FeatureService,
  servesApi: boolean,
): DynamicModule {
  const { controllers = [], providers = [], exports = [] } = service;
  const { taskHandlers = [], schedules = [], measurements = [] } = service;
  return {
    module: classCalled(`${name} module`),
    global: true,
    controllers: servesApi ? ([...controllers] as Type[]) : [],
    providers: [...providers, ...taskHandlers, ...schedules, ...measurements] as Provider[],
    exports: [...exports] as InjectionToken[],
  };
}

/** Nest tells modules apart by their classes, and shows their names in errors. */
function classCalled(name: string): Type {
  return { [name]: class {} }[name]!;
}
