/** The error that a promise is rejected with; fails when it is not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const value = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (value instanceof Error) return value;
  throw new Error('an error is required; the promise was kept');
}
