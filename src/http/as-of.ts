import { IntersectionType } from '@nestjs/swagger';
import { Instant, PositionText } from './fields';
import { PageQuery } from './page';

/** How every read that knows the past is asked for it: by a position or a time, not by both. */
export class AsOfQuery {
  @PositionText(1)
  atPosition?: string;

  @Instant({ optional: true })
  at?: string;
}

/** The same for lists. */
export class AsOfPageQuery extends IntersectionType(PageQuery, AsOfQuery) {}
