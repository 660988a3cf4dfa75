import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';

/**
 * Writes an answer as it comes, to a file or to stdout, no faster than it is taken.
 *
 * @param file relative to the command's directory; `undefined` for stdout
 * @param look sees every piece
 * @throws CliError when the file cannot be written
 */
export async function saveAnswer(
  pieces: AsyncIterable<Buffer>,
  { file, context, look }: { file: string | undefined; context: CliContext; look?: (piece: Buffer) => void },
): Promise<void> {
  if (file === undefined) {
    const { stdout } = context;
    const decoder = new TextDecoder();
    for await (const piece of pieces) {
      look?.(piece);
      const taken = stdout.write(decoder.decode(piece, { stream: true }));
      if (taken === false && stdout === process.stdout) await once(process.stdout, 'drain');
    }
    return;
  }
  // Opened with the first piece: a refused request leaves an older file as it is.
  let stream: ReturnType<typeof createWriteStream> | undefined;
  try {
    for await (const piece of pieces) {
      look?.(piece);
      stream ??= createWriteStream(resolve(context.cwd, file));
      if (!stream.write(piece)) await once(stream, 'drain');
    }
    stream ??= createWriteStream(resolve(context.cwd, file));
    stream.end();
    await once(stream, 'finish');
  } catch (error) {
    stream?.destroy();
    const { code, path } = error as NodeJS.ErrnoException;
    if (path !== undefined) throw new CliError(`cannot write ${file}: ${code}`);
    throw error;
  }
}
