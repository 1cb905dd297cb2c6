/** Answers as text, for engines that have no common way to send arrays: floats are their bytes in base64. */
import type { Answer } from './messages.js';

/** Characters that a call takes as arguments. */
const chunk = 32_768;

function base64Of(floats: Float32Array): string {
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk));
  return btoa(text);
}

const floatsOf = (text: string): Float32Array =>
  new Float32Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);

type Sent = Exclude<Answer, { result: Float32Array }> | { readonly base64: string };

export function encodeAnswer(answer: Answer): string {
  if (!('result' in answer)) return JSON.stringify(answer);
  const { result, ...others } = answer;
  return JSON.stringify({ ...others, base64: base64Of(result) });
}

export function decodeAnswer(text: string): Answer {
  const sent = JSON.parse(text) as Sent;
  if (!('base64' in sent)) return sent;
  const { base64, ...others } = sent;
  return { ...others, result: floatsOf(base64) };
}

/**
 * What a process says. Revisions before this text send the answer itself, with its array, between processes whose
 * `serialization` is 'advanced'; others may say anything.
 */
export function heardAnswer(message: unknown): Answer {
  try {
    const answer: unknown = typeof message === 'string' ? decodeAnswer(message) : message;
    if (typeof answer === 'object' && answer !== null) return answer as Answer;
  } catch {
    // Not our text.
  }
  return { unable: 'no answer' };
}
