//! First inputs: the golden vectors, what the encoders write, and one small document of each foreign form.

use std::path::Path;

const VECTORS: &[&str] = &[
    include_str!("../../../protocol/vectors/structures.json"),
    include_str!("../../../protocol/vectors/pairing.json"),
];

/// Small documents, with the target that reads them.
const TEXTS: &[(&str, &str)] = &[
    (
        "feed",
        "<rss version=\"2.0\"><channel><title>T</title><item><title>A</title><guid>1</guid><link>/a</link><pubDate>Tue, 01 Jan 2030 00:00:00 GMT</pubDate><description><![CDATA[<p>x</p>]]></description></item></channel></rss>",
    ),
    (
        "feed",
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>T</title><entry><id>1</id><title type=\"html\">A</title><updated>2030-01-01T00:00:00Z</updated><content type=\"xhtml\"><div>x</div></content></entry></feed>",
    ),
    (
        "feed",
        "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"T\",\"items\":[{\"id\":\"1\",\"content_html\":\"<b>x</b>\",\"date_published\":\"2030-01-01T00:00:00Z\"}]}",
    ),
    (
        "opml",
        "<opml version=\"2.0\"><body><outline text=\"a\"><outline type=\"rss\" text=\"b\" xmlUrl=\"https://example.org/f\"/></outline></body></opml>",
    ),
    (
        "html",
        "<h1>a</h1><p>b <a href=\"/c\">d</a><ul><li>e<li>f</ul><table><tr><td>g</table><img src=x alt=y><pre>z</pre>",
    ),
    ("date", "Tue, 01 Jan 2030 00:00:00 +0100"),
    ("date", "2030-01-01T00:00:00.5Z"),
    ("url", "HTTPS://Example.org:443/a/../b?c#d"),
    ("multiaddr", "/ip4/192.0.2.1/udp/7301/quic-v1"),
    ("multiaddr", "/dns4/example.org/tcp/7301/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"),
    ("frame_round", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("frame", "\0\0\0\u{3}\0ab"),
    ("bundle", "\0\0\0\u{3}abc\0\0\0\u{1}d"),
    ("bundle", "archipel bundle 1\n\0\0\0\u{1}a"),
    ("id_text", "aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("journal", "\0\u{10}damage"),
    ("kvlog", "\0\u{10}damage"),
    ("tree", "\0\0\0\u{10}"),
];

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() >= 2 && digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        serde_json::Value::Object(map) => map.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

/// Writes a folder of first inputs for each target.
pub fn write(folder: &Path, targets: impl Iterator<Item = &'static str>) {
    let mut vectors = Vec::new();
    for text in VECTORS {
        strings(&serde_json::from_str(text).expect("vectors are JSON"), &mut vectors);
    }
    for target in targets {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder).expect("the folder of seeds can be made");
        let put = |number: usize, bytes: &[u8]| {
            std::fs::write(folder.join(format!("seed-{number}")), bytes).expect("a seed can be written");
        };
        let foreign = TEXTS.iter().any(|(name, _)| *name == target);
        if !foreign {
            for (number, text) in vectors.iter().enumerate() {
                put(number, &hex(text).unwrap_or_else(|| text.clone().into_bytes()));
            }
        }
        for (number, (_, text)) in TEXTS.iter().enumerate().filter(|(_, (name, _))| *name == target) {
            put(1_000 + number, text.as_bytes());
        }
    }
}
