/** The address of something that speaks http or https; `undefined` for any other text, also one like `berlin-1:8080`, whose scheme is `berlin-1:`. */
export function parseHttpUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}
