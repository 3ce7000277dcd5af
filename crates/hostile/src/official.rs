//! Seeds from the official OpenAPI documents and Postman collections, where they are at hand.
//!
//! What is read is as much as a seed needs: paths, names of headers, bodies from examples or made up from schemas.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::Seed;

/// References and objects are followed so deep.
const DEEPEST: usize = 12;
/// Folders are looked into so deep.
const FOLDERS: usize = 5;

/// All requests of all documents below a folder; how many documents there were.
///
/// Files that are neither OpenAPI nor Postman are passed over.
///
/// # Errors
///
/// When a folder or a file cannot be read.
pub fn read(folder: &Path) -> std::io::Result<(Vec<Seed>, usize)> {
    let mut files = Vec::new();
    walk(folder, FOLDERS, &mut files)?;
    files.sort();
    let (mut seeds, mut documents) = (Vec::new(), 0);
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        // All JSON is YAML, but the parser for it is quicker.
        let document: Option<Value> = match file.extension().and_then(|it| it.to_str()) {
            Some("json") => serde_json::from_str(&text).ok(),
            _ => serde_yaml_ng::from_str(&text).ok(),
        };
        let Some(document) = document else { continue };
        let before = seeds.len();
        open_api(&document, &mut seeds);
        postman(&document, &mut seeds);
        documents += usize::from(seeds.len() > before);
    }
    Ok((seeds, documents))
}

fn walk(folder: &Path, deep: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|it| it.file_type().map(|kind| (it.path(), kind)))?;
        let extension = path.extension().and_then(|it| it.to_str());
        let hidden = path
            .file_name()
            .is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if kind.is_dir() && deep > 0 && !hidden {
            walk(&path, deep - 1, files)?;
        } else if kind.is_file() && matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    Ok(())
}

fn open_api(document: &Value, seeds: &mut Vec<Seed>) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let parameters = [item, operation]
                .into_iter()
                .filter_map(|at| at.get("parameters")?.as_array())
                .flatten()
                .map(|it| resolved(document, it));
            let headers = parameters
                .filter(|it| it.get("in").and_then(Value::as_str) == Some("header"))
                .filter_map(|it| {
                    let name = it.get("name")?.as_str()?.to_owned();
                    let schema = it.get("schema").unwrap_or(it);
                    let value = it.get("example").cloned();
                    let value = value.unwrap_or_else(|| sample(document, schema, 0));
                    let text = value.as_str().map(str::to_owned);
                    Some((name, text.unwrap_or_else(|| value.to_string())))
                })
                .collect();
            seeds.push(Seed {
                method: method.to_uppercase(),
                path: path.clone(),
                headers,
                body: body(document, operation),
            });
        }
    }
}

fn body(document: &Value, operation: &Value) -> Option<Value> {
    let content = resolved(document, operation.get("requestBody")?).get("content")?;
    let media = content.as_object()?.values().next()?;
    let examples = || {
        media
            .get("examples")?
            .as_object()?
            .values()
            .next()?
            .get("value")
    };
    let example = media.get("example").or_else(examples);
    match example {
        Some(example) => Some(example.clone()),
        None => Some(sample(document, media.get("schema")?, 0)),
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = value;
    for _ in 0..DEEPEST {
        let pointer = value.get("$ref").and_then(Value::as_str);
        let Some(pointer) = pointer.and_then(|it| it.strip_prefix('#')) else {
            break;
        };
        value = document.pointer(pointer).unwrap_or(&Value::Null);
    }
    value
}

/// A value that a schema describes, more or less.
fn sample(document: &Value, schema: &Value, deep: usize) -> Value {
    let schema = resolved(document, schema);
    if deep > DEEPEST {
        return Value::Null;
    }
    for given in ["example", "default"] {
        if let Some(value) = schema.get(given) {
            return value.clone();
        }
    }
    let first_of = |name: &str| schema.get(name)?.as_array()?.first();
    if let Some(value) = first_of("enum") {
        return value.clone();
    }
    if let Some(choice) = first_of("oneOf").or_else(|| first_of("anyOf")) {
        return sample(document, choice, deep + 1);
    }
    let mut members = Map::new();
    let parts = schema.get("allOf").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        if let Value::Object(more) = sample(document, part, deep + 1) {
            members.extend(more);
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        members.insert(name.clone(), sample(document, property, deep + 1));
    }
    if !members.is_empty() {
        return Value::Object(members);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => json!(100),
        Some("number") => json!(99.5),
        Some("boolean") => json!(false),
        Some("array") => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            json!([sample(document, item, deep + 1)])
        }
        Some("object") => json!({}),
        _ => json!("text"),
    }
}

fn postman(folder: &Value, seeds: &mut Vec<Seed>) {
    let items = folder.get("item").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        postman(item, seeds);
        seeds.extend(item.get("request").and_then(of_postman));
    }
}

fn of_postman(request: &Value) -> Option<Seed> {
    let url = request.get("url")?;
    let raw = url.as_str().or_else(|| url.get("raw")?.as_str())?;
    // `{{base_url}}/ecomm/v2/…`: what stands before the first slash is where.
    let raw = raw.split("://").last()?;
    let (_, path) = raw.split_once('/')?;
    let headers = request.get("header").and_then(Value::as_array);
    let text = |row: &Value, name: &str| Some(row.get(name)?.as_str()?.to_owned());
    let headers = headers
        .into_iter()
        .flatten()
        .filter_map(|row| Some((text(row, "key")?, text(row, "value")?)))
        .collect();
    let body = request.pointer("/body/raw").and_then(Value::as_str);
    Some(Seed {
        method: text(request, "method")?,
        path: format!("/{path}"),
        headers,
        body: body.and_then(|body| serde_json::from_str(body).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_documents_become_seeds() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        file(
            "a.yaml",
            "paths:\n  /a/{id}:\n    parameters: [{in: header, name: X-A, example: b}]\n    post:\n      requestBody: {content: {application/json: {schema: {$ref: '#/x'}}}}\nx:\n  properties:\n    n: {type: integer}\n    self: {$ref: '#/x'}\n    text: {type: string, example: t}\n",
        );
        file(
            "b.json",
            r#"{"item":[{"item":[{"request":{"method":"PUT","url":{"raw":"{{base}}/b/{{id}}"},"header":[{"key":"K","value":"{{v}}"}],"body":{"raw":"{\"c\":1}"}}}]}]}"#,
        );
        file("c.json", "[not JSON");
        let (seeds, documents) = read(folder.path()).unwrap();
        assert_eq!((seeds.len(), documents), (2, 2));
        let [a, b] = seeds.as_slice() else { panic!() };
        assert_eq!((a.method.as_str(), a.path.as_str()), ("POST", "/a/{id}"));
        assert_eq!(a.headers, [("X-A".to_owned(), "b".to_owned())]);
        let body = a.body.as_ref().unwrap();
        assert_eq!((&body["n"], &body["text"]), (&json!(100), &json!("t")));
        assert!(body["self"]["self"].is_object(), "it ends somewhere");
        assert_eq!((b.method.as_str(), b.path.as_str()), ("PUT", "/b/{{id}}"));
        assert_eq!(b.body, Some(json!({ "c": 1 })));
    }
}
