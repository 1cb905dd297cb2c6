/** Asks this page's own server: a small client of the Open Inference Protocol v2, for a model of images and classes. */

/** What the model says of itself, as far as the page needs it. */
export interface Model {
  readonly input: string;
  readonly output: string;
  readonly engine: string;
  readonly peakBytes: number;
}

interface Metadata {
  readonly inputs: readonly { readonly name: string }[];
  readonly outputs: readonly { readonly name: string }[];
  readonly properties: { readonly engine: string; readonly peak_bytes: string };
}

interface Inference {
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

async function ask<T>(path: string, body?: object): Promise<T> {
  const response = await fetch(path, {
    ...(body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });
  const answer = (await response.json()) as T & { readonly error?: string };
  if (!response.ok) throw new Error(answer.error ?? `The server answered ${response.status}.`);
  return answer;
}

export async function describeModel(name: string): Promise<Model> {
  const { inputs, outputs, properties } = await ask<Metadata>(`/v2/models/${encodeURIComponent(name)}`);
  const [input] = inputs;
  const [output] = outputs;
  if (!input || !output) throw new Error('The model has no input or no output.');
  return {
    input: input.name,
    output: output.name,
    engine: properties.engine,
    peakBytes: Number(properties.peak_bytes),
  };
}

/** A model's scores as probabilities: themselves when they already are, else (logits) their softmax. */
function probabilitiesOf(scores: readonly number[]): number[] {
  const sum = scores.reduce((total, score) => total + score, 0);
  if (scores.every((score) => score >= 0) && Math.abs(sum - 1) < 1e-3) return [...scores];
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** The probabilities of the classes for one 28 x 28 picture. */
export async function classify(name: string, model: Model, digit: Float32Array): Promise<number[]> {
  const { outputs } = await ask<Inference>(`/v2/models/${encodeURIComponent(name)}/infer`, {
    inputs: [{ name: model.input, shape: [1, 28, 28, 1], datatype: 'FP32', data: Array.from(digit) }],
    outputs: [{ name: model.output }],
  });
  return probabilitiesOf(outputs[0]?.data ?? []);
}
