import { field, hasLength, textRule } from '../../http/fields';
import { isStorable } from '../../http/json-body';
import { WORD_PATTERN, wordsOf } from './words.rules';

const MAX_QUERY = 200;

/** Words that a list is searched by. */
export function Words(): PropertyDecorator {
  const isFindable = (text: string) =>
    hasLength(text, 1, MAX_QUERY) && isStorable(text) && wordsOf(text).length > 0;
  return field(
    textRule('words', isFindable, `must have a word, and ${MAX_QUERY} characters at most`),
    {
      ...{
        type: 'string',
        minLength: 1,
        maxLength: MAX_QUERY,
        pattern: WORD_PATTERN,
        example: 'inv 4711',
      },
      description:
        'Words, all of which are there, or others that begin like them, in any case. ' +
        'Punctuation marks and symbols are words',
    },
    { optional: true },
  );
}
