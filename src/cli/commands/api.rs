//! `api`: one request as it was typed, its answer as it came. What the answer means, the exit code says.

use std::io::Read as _;

use crate::cli::{
    args::ApiArgs,
    client::{Client, Raw},
    exit::Exit,
    failure::Failure,
    print::Out,
    stream::Next,
};

/// Of a refusal, as much is kept as a problem document has.
const MOST_KEPT: usize = 1 << 20;

pub(super) fn run(args: &ApiArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let (status, mut body) = client.raw(raw(args)?)?;
    let refused = !(200..300).contains(&status);
    let (mut kept, mut last) = (Vec::new(), None);
    while let Next::Some(piece) = body.piece(None) {
        if refused && kept.len() < MOST_KEPT {
            kept.extend_from_slice(&piece);
        }
        out.bytes(&piece);
        out.flush();
        last = piece.last().copied().or(last);
        if out.is_closed() {
            break;
        }
    }
    if out.terminal && last.is_some_and(|it| it != b'\n') {
        out.line("");
    }
    if refused { Err(Failure::answered(status, &kept)) } else { Ok(Exit::Ok) }
}

fn raw(args: &ApiArgs) -> Result<Raw, Failure> {
    let body = args.data.as_deref().map(body).transpose()?;
    let mut headers = Vec::new();
    for line in &args.headers {
        let Some((name, value)) = line.split_once(':') else {
            let detail = format!("the header {line:?} has no colon");
            return Err(Failure::usage(&detail, "write -H 'Name: value'"));
        };
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let is_typed = headers.iter().any(|it| it.0 == "content-type");
    if let (Some(body), false) = (&body, is_typed) {
        let json = serde_json::from_slice::<serde::de::IgnoredAny>(body);
        json.map_err(|it| {
            Failure::usage(
                &format!("the body is no JSON: {it}"),
                "-H 'Content-Type: …' sends anything",
            )
        })?;
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let slash = if args.path.starts_with('/') { "" } else { "/" };
    let target = format!("{slash}{}", args.path);
    Ok(Raw { method: args.method.clone(), target, headers, body: body.unwrap_or_default() })
}

fn body(data: &str) -> Result<Vec<u8>, Failure> {
    let read = match (data, data.strip_prefix('@')) {
        ("-" | "@-", _) => {
            let mut all = Vec::new();
            std::io::stdin().lock().read_to_end(&mut all).map(|_| all)
        }
        (_, Some(path)) => std::fs::read(path),
        (text, None) => Ok(text.as_bytes().to_vec()),
    };
    read.map_err(|it| Failure::usage(&format!("--data {data}: cannot be read: {it}"), ""))
}
