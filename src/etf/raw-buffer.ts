// The string methods that every Node Buffer has and that @types/node does not list: no argument juggling, so they are the
// cheap way into C++. Positions must be right; nothing is checked on the way.
import { Buffer } from 'node:buffer';

export type RawBuffer = Buffer & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  latin1Write(text: string, at: number, length: number): number;
  utf8Write(text: string, at: number, length: number): number;
  ucs2Write(text: string, at: number, length: number): number;
};

/** The class that Buffers are of: its constructor makes a view of a memory with the least ceremony. */
export const BufferView: new (memory: ArrayBufferLike, at: number, size: number) => Buffer = (
  Buffer as unknown as { [Symbol.species]: new (memory: ArrayBufferLike, at: number, size: number) => Buffer }
)[Symbol.species];

/** Also a Uint8Array of another realm, which `instanceof` does not know. */
export function isBytes(value: unknown): value is Uint8Array {
  return (
    value instanceof Uint8Array ||
    (ArrayBuffer.isView(value) && (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === 'Uint8Array')
  );
}

/** Whether a memory keeps its size, and its content while we look at it; a detached one has neither. */
export function isSteady(memory: ArrayBufferLike): boolean {
  return memory instanceof ArrayBuffer && (memory as { readonly resizable?: boolean }).resizable !== true;
}
