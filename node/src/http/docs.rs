//! The description of the API in machine form, made from the handlers, and a plain page to read it.

use super::App;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use std::fmt::Write as _;
use std::sync::Arc;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, Server};

const STYLE: &str = include_str!("docs/style.css");
const STYLE_PATH: &str = "/docs/style.css";

/// What stands above the list of endpoints.
pub fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Archipel")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The API between a site and its browsers. Ids are lower-case base32, times RFC 3339 in UTC. Every request \
             but GET carries the header X-Archipel-Token with the value that comes with the session. Every refusal \
             has the shape {code, message, details}.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/api/v1")]))
        .components(Some(ComponentsBuilder::new().schema_from::<super::error::ErrorBody>().build()))
        .build()
}

/// The document and its page, made once.
pub fn routes(document: OpenApi) -> Router<App> {
    let page: Arc<str> = Arc::from(page(&document));
    let json: Arc<str> = Arc::from(document.to_json().unwrap_or_default());
    Router::new()
        .route("/openapi.json", get(move || async move { ([(CONTENT_TYPE, "application/json")], json.to_string()) }))
        .route("/docs", get(move || async move { Html(page.to_string()) }))
        .route(STYLE_PATH, get(|| async { ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
}

/// Path, method, what it does.
type Endpoint<'a> = (String, &'static str, &'a Operation);

/// One page without scripts: endpoints by noun, each with its parameters, body and answers.
fn page(document: &OpenApi) -> String {
    let mut tags: Vec<(String, Vec<Endpoint<'_>>)> = Vec::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
            let row = (path.clone(), method, operation);
            match tags.iter_mut().find(|(known, _)| *known == tag) {
                Some((_, rows)) => rows.push(row),
                None => tags.push((tag, vec![row])),
            }
        }
    }
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Archipel API</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"stylesheet\" href=\"/api/v1/docs/style.css\"></head><body><main><h1>Archipel API</h1>",
    );
    let about = document.info.description.as_deref().unwrap_or_default();
    let _ = write!(out, "<p>{}</p><p>All paths begin with <code>/api/v1</code>. ", escape(about));
    out.push_str("<a href=\"/api/v1/openapi.json\">The same in machine form</a>.</p><nav aria-label=\"Nouns\"><ul>");
    for (tag, _) in &tags {
        let _ = write!(out, "<li><a href=\"#{0}\">{0}</a></li>", escape(tag));
    }
    out.push_str("</ul></nav>");
    for (tag, rows) in &tags {
        let _ = write!(out, "<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">{0}</h2>", escape(tag));
        for (path, method, operation) in rows {
            endpoint(&mut out, path, method, operation);
        }
        out.push_str("</section>");
    }
    schemas(&mut out, document);
    out.push_str("</main></body></html>");
    out
}

fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn endpoint(out: &mut String, path: &str, method: &str, operation: &Operation) {
    let _ = write!(out, "<h3><code>{method} {}</code></h3><dl>", escape(path));
    let parameters = operation.parameters.iter().flatten().filter_map(inline);
    let queries = parameters.filter(|parameter| path_lacks(path, &parameter.name));
    for parameter in queries {
        let about = parameter.description.as_deref().unwrap_or_default();
        let _ = write!(out, "<dt>?<code>{}</code></dt><dd>{}</dd>", escape(&parameter.name), escape(about));
    }
    if let Some(body) = operation.request_body.as_ref().and_then(inline) {
        for content in body.content.values().filter_map(inline) {
            let _ = write!(out, "<dt>body</dt><dd>{}</dd>", reference(content.schema.as_ref()));
        }
    }
    for (status, response) in &operation.responses.responses {
        let Some(response) = inline(response) else { continue };
        let contents = response.content.values().filter_map(inline);
        let shape = contents.map(|content| reference(content.schema.as_ref())).next();
        let about = escape(&response.description);
        let _ = write!(out, "<dt>{}</dt><dd>{} {about}</dd>", escape(status), shape.unwrap_or_default());
    }
    out.push_str("</dl>");
}

/// What stands in place; this document refers only to shapes.
fn inline<T>(part: &RefOr<T>) -> Option<&T> {
    match part {
        RefOr::T(part) => Some(part),
        RefOr::Ref(_) => None,
    }
}

fn path_lacks(path: &str, name: &str) -> bool {
    !path.contains(&format!("{{{name}}}"))
}

/// A link to a named shape, or its JSON.
fn reference(schema: Option<&RefOr<Schema>>) -> String {
    let json = serde_json::to_value(schema).unwrap_or_default();
    let inner = json.get("items").unwrap_or(&json);
    let list = if json.get("items").is_some() { " list" } else { "" };
    match inner.get("$ref").and_then(|to| to.as_str()).and_then(|to| to.rsplit('/').next()) {
        Some(name) => format!("<a href=\"#shape-{0}\">{0}</a>{list}", escape(name)),
        None => format!("<code>{}</code>", escape(&json.to_string())),
    }
}

fn schemas(out: &mut String, document: &OpenApi) {
    out.push_str("<section aria-labelledby=\"shapes\"><h2 id=\"shapes\">shapes</h2>");
    for (name, schema) in document.components.iter().flat_map(|components| &components.schemas) {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let name = escape(name);
        let _ = write!(
            out,
            "<h3 id=\"shape-{name}\">{name}</h3><pre tabindex=\"0\" role=\"region\" aria-label=\"shape {name}\">{}</pre>",
            escape(&json)
        );
    }
    out.push_str("</section>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_endpoint_of_the_contract_is_described_with_a_name_of_its_own() {
        let (_, document) = crate::http::api().split_for_parts();
        let mut names = BTreeSet::new();
        for item in document.paths.paths.values() {
            for (_, operation) in operations(item) {
                assert!(names.insert(operation.operation_id.clone().unwrap()), "{:?}", operation.operation_id);
            }
        }
        assert!(names.len() >= 65, "{}", names.len());
        let contract = include_str!("../../../docs/http-api.md");
        for path in document.paths.paths.keys() {
            let noun = path.split('/').nth(1).unwrap_or_default();
            assert!(contract.contains(&format!("/{noun}")), "{path}");
        }
    }

    #[test]
    fn the_page_has_no_scripts_and_no_inline_style() {
        let (_, document) = crate::http::api().split_for_parts();
        let page = page(&document);
        assert!(page.contains("GET /feed") && page.contains("shape-Post"));
        assert!(
            !page.contains("<script") && !page.contains("style=") && !page.contains(" onclick="),
            "only plain markup"
        );
    }
}
