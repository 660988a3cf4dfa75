import { expect, test } from 'vitest';
import { HttpAnswerReader, RedisIntegerReader } from '../../../bench/lib/answer-readers.mjs';

const httpAnswer = (body: string, { status = '200 OK', name = 'content-length' } = {}): Buffer =>
  Buffer.from(`HTTP/1.1 ${status}\r\nx-a: b\r\n${name}: ${Buffer.byteLength(body)}\r\n\r\n${body}`);

test('a whole answer is read at once, with its number', () => {
  const reader = new HttpAnswerReader();
  expect(reader.feed(httpAnswer('{"sequenceNumber":4711,"count":1}'))).toBe(true);
  expect(reader.number).toBe(4711);
});

test('an answer may come in any two pieces, and the next one is read afresh', () => {
  const answer = httpAnswer('{"sequenceNumber":90,"é":1}');
  for (let cut = 1; cut < answer.length; cut += 1) {
    const reader = new HttpAnswerReader();
    expect(reader.feed(answer.subarray(0, cut)), `cut at ${cut}`).toBe(false);
    expect(reader.feed(answer.subarray(cut)), `cut at ${cut}`).toBe(true);
    expect(reader.number).toBe(90);
    expect(reader.feed(httpAnswer('{"sequenceNumber":91}', { name: 'Content-Length' }))).toBe(true);
    expect(reader.number).toBe(91);
  }
});

test('bytes are only lent: a piece is kept though its buffer is used again', () => {
  const answer = httpAnswer('{"sequenceNumber":12}');
  const lent = Buffer.from(answer);
  const reader = new HttpAnswerReader();
  reader.feed(lent.subarray(0, 30));
  lent.fill(0);
  expect(reader.feed(answer.subarray(30))).toBe(true);
  expect(reader.number).toBe(12);
});

test('an answer without a number has none, not the last one', () => {
  const reader = new HttpAnswerReader();
  reader.feed(httpAnswer('{"sequenceNumber":12}'));
  reader.feed(httpAnswer('{}'));
  expect(reader.number).toBeNaN();
});

test('anything but 200 is thrown, with what it says', () => {
  const refused = httpAnswer('{"code":"overloaded"}', { status: '429 Too Many Requests' });
  expect(() => new HttpAnswerReader().feed(refused)).toThrow(/429.*overloaded/s);
});

test('two answers to one request are wrong, and so is one without a length', () => {
  const answer = httpAnswer('{}');
  expect(() => new HttpAnswerReader().feed(Buffer.concat([answer, answer]))).toThrow();
  expect(() => new HttpAnswerReader().feed(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow(/length/);
});

test('Redis answers with integers, or with an error that is thrown', () => {
  const reader = new RedisIntegerReader();
  expect(reader.feed(Buffer.from(':10'))).toBe(false);
  expect(reader.feed(Buffer.from('42\r\n'))).toBe(true);
  expect(reader.number).toBe(1042);
  expect(() => reader.feed(Buffer.from('-ERR no\r\n'))).toThrow(/ERR no/);
});
