import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** One thing that is wrong with a request. */
export class FieldErrorDto {
  @ApiProperty({ description: 'JSON pointer into the body, or /name of a parameter' })
  pointer!: string;

  @ApiProperty()
  message!: string;
}

/** Every error's body, for the OpenAPI document. */
export class ProblemDto {
  @ApiProperty({ example: '/problems/insufficient_funds' })
  type!: string;

  @ApiProperty()
  title!: string;

  @ApiProperty({ type: 'integer' })
  status!: number;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ description: 'The path of the request' })
  instance!: string;

  /** One of those that the program knows, which the document is told when it is made. */
  @ApiProperty()
  code!: string;

  @ApiPropertyOptional({ description: 'The account that a rule of the books refused' })
  accountId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'The velocity limit that would be passed' })
  limitId?: string;

  @ApiPropertyOptional({ description: 'What is used of it: an amount, or how many times' })
  used?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'From then on less is used' })
  resetsAt?: string;

  @ApiPropertyOptional({ type: 'integer', description: 'Which item of a batch was refused' })
  index?: number;

  @ApiPropertyOptional({ format: 'uuid', description: 'The run that it was refused for' })
  runId?: string;

  @ApiPropertyOptional({ type: [FieldErrorDto], description: 'What is not valid' })
  errors?: FieldErrorDto[];
}
