/** An HTML page with the content security policy that lets exactly its own inline scripts and styles run. */

export interface Document {
  readonly html: string;
  readonly policy: string;
}

async function hashes(html: string, tag: 'script' | 'style'): Promise<string> {
  const bodies = [...html.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, body = '']) => body);
  const sources = bodies.map(async (body) => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body)));
    return `'sha256-${btoa(String.fromCharCode(...digest))}'`;
  });
  return bodies.length > 0 ? (await Promise.all(sources)).join(' ') : "'none'";
}

export async function documentOf(html: string): Promise<Document> {
  const policy = [
    `default-src 'none'`,
    `script-src ${await hashes(html, 'script')}`,
    `style-src ${await hashes(html, 'style')}`,
    `img-src data:`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ];
  return { html, policy: policy.join('; ') };
}
