// A feed on loopback that counts who asks, and answers "not modified" to those who know it already.
import { createServer } from "node:http";

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export async function feedServer(title) {
  const items = [];
  const asked = { whole: 0, unchanged: 0 };
  const document = () => `<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>${escape(title)}</title><link>https://actualites.example/</link><description>Essai</description>
${items
  .map(
    (item) => `<item><guid isPermaLink="false">${item.id}</guid><title>${escape(item.title)}</title><link>https://actualites.example/${item.id}</link>
<description>${escape(`<p>${item.text}</p><script>alert(1)</script>`)}</description><pubDate>${item.at.toUTCString()}</pubDate></item>`,
  )
  .join("\n")}
</channel></rss>`;
  const server = createServer((request, response) => {
    const tag = `"${items.length}"`;
    if (request.headers["if-none-match"] === tag) {
      asked.unchanged += 1;
      response.writeHead(304, { etag: tag }).end();
      return;
    }
    asked.whole += 1;
    response.writeHead(200, { "content-type": "application/rss+xml; charset=utf-8", etag: tag }).end(document());
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    url: `${origin}/actualites.xml`,
    asked,
    add: (title, text) => items.unshift({ id: `article-${items.length + 1}`, title, text, at: new Date(Date.now() - 60_000) }),
    close: () => new Promise((done) => server.close(done)),
  };
}
