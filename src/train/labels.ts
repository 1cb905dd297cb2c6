/** What the places of a model's output stand for, kept in its file as the asset `labels`: a JSON list of texts. */
import { list, Place, text } from '../format/checks.js';
import { parseJson } from '../format/json.js';

export const labelsAsset = 'labels';

export const encodeLabels = (labels: readonly string[]): Uint8Array => new TextEncoder().encode(JSON.stringify(labels));

/** The labels among a file's assets; undefined where there are none. Throws `FormatError` for an asset that is no list. */
export function labelsIn(assets: ReadonlyMap<string, Uint8Array> | undefined): readonly string[] | undefined {
  const bytes = assets?.get(labelsAsset);
  return bytes && list(text, 2 ** 20)(parseJson(labelsAsset, bytes, 1), new Place(labelsAsset));
}
