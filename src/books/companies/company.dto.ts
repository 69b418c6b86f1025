import { ApiProperty } from '@nestjs/swagger';
import { ClientId, field, hasLength, ObjectOf, textRule, type Presence } from '../../http/fields';
import { isStorable } from '../../http/json-body';
import { PageQuery } from '../../http/page';
import { EMAIL_SHAPE, isEmail, type AddressInput } from './company-address';
import type { Address } from './company.events';

const MAX_NAME = 500;
const MAX_ADDRESS_LINE = 200;
const MAX_POSTAL_CODE = 20;
const MAX_COUNTRY = 100;
/** Controls and line ends, which would add lines to a mail. */
const BREAKS_LINE = '\\p{Cc}\\p{Zl}\\p{Zp}';
const ONE_LINE = new RegExp(`^[^${BREAKS_LINE}]*$`, 'u');
const WITH_TEXT = new RegExp(`^(?=[^${BREAKS_LINE}]*\\S)[^${BREAKS_LINE}]*$`, 'u');

/** One line of text with something on it; an optional one may be blank, which says nothing. */
function Line(max: number, presence: Presence = {}): PropertyDecorator {
  const isLine = (text: string) =>
    hasLength(text, 0, max) && isStorable(text) && ONE_LINE.test(text);
  return presence.optional
    ? field(
        textRule('line', isLine, `must be one line of at most ${max} characters`),
        { type: 'string', maxLength: max, pattern: ONE_LINE.source },
        presence,
      )
    : field(
        [
          textRule(
            'line',
            (text) => isLine(text) && WITH_TEXT.test(text),
            `must be one line of 1 to ${max} characters, and not blank`,
          ),
        ],
        { type: 'string', maxLength: max, pattern: WITH_TEXT.source },
        presence,
      );
}

function Email(): PropertyDecorator {
  return field(textRule('email', isEmail, 'must be a mail address such as "name@example.com"'), {
    type: 'string',
    pattern: EMAIL_SHAPE,
    maxLength: 254,
    example: 'name@example.com',
  });
}

const OPTIONAL_LINE = { optional: true, nullable: true } as const;

export class AddressDto implements AddressInput {
  @Line(MAX_ADDRESS_LINE)
  line1!: string;

  @Line(MAX_ADDRESS_LINE, OPTIONAL_LINE)
  line2?: string | null;

  @Line(MAX_ADDRESS_LINE)
  city!: string;

  @Line(MAX_ADDRESS_LINE, OPTIONAL_LINE)
  region?: string | null;

  @Line(MAX_POSTAL_CODE)
  postalCode!: string;

  @Line(MAX_COUNTRY)
  country!: string;
}

export class CreateCompanyDto {
  @ClientId()
  clientId?: string;

  @Line(MAX_NAME)
  name!: string;

  @Email()
  contactEmail!: string;

  @ObjectOf(() => AddressDto)
  address!: AddressDto;
}

/** Reading one company takes no parameters. */
export class CompanyQuery {}

export class CompanyListQuery extends PageQuery {
  @ClientId()
  clientId?: string;
}

const nullableText = { type: String, nullable: true } as const;

export class CompanyAddressDto implements Address {
  @ApiProperty()
  line1!: string;

  @ApiProperty(nullableText)
  line2!: string | null;

  @ApiProperty()
  city!: string;

  @ApiProperty(nullableText)
  region!: string | null;

  @ApiProperty()
  postalCode!: string;

  @ApiProperty({ example: 'DE', description: 'ISO 3166 alpha-2' })
  country!: string;
}

/** A company as the API answers it. */
export class CompanyDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty(nullableText)
  clientId!: string | null;

  @ApiProperty()
  name!: string;

  @ApiProperty({ format: 'email' })
  contactEmail!: string;

  @ApiProperty()
  address!: CompanyAddressDto;

  @ApiProperty({ type: 'integer', description: 'Grows with every change of the company' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}
