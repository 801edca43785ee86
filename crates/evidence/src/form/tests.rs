use std::future::poll_fn;
use std::task::Poll;

use futures_util::StreamExt as _;
use futures_util::future::join;

use super::*;

const CONTENT_TYPE: &str = "multipart/form-data; boundary=XX";

/// A part of a form as browsers write it.
fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body: Vec<u8> = parts.iter().flat_map(|(name, content)| part(name, content)).collect();
    body.extend_from_slice(b"--XX--\r\n");
    body
}

fn open(body: &[u8], chunk_bytes: usize) -> FormReader {
    let chunks: Vec<_> = body.chunks(chunk_bytes).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    FormReader::new(CONTENT_TYPE, stream::iter(chunks)).unwrap()
}

type Read = (Vec<(String, String)>, Vec<u8>);

async fn read(mut form: FormReader) -> Result<Read, EvidenceError> {
    let fields = form.fields().await?;
    let mut content = Vec::new();
    let mut file = Box::pin(form.file());
    while let Some(chunk) = file.next().await {
        content.extend_from_slice(&chunk?);
    }
    Ok((fields, content))
}

async fn refused(body: &[u8]) -> InvalidUpload {
    match read(open(body, 1_000)).await {
        Err(EvidenceError::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn fields_and_file_are_read_however_the_body_is_cut() {
    let content = b"\r\n--X\r\n--XY not the boundary\r\n\r\n".repeat(20);
    // A file may contain anything but the boundary.
    let content = String::from_utf8(content).unwrap().replace("--XY", "-- XY").into_bytes();
    let body = form_of(&[("key", b"m/80"), ("Policy", "é".as_bytes()), ("empty", b""), ("FILE", &content)]);
    for chunk_bytes in [1, 2, 3, 7, 64, 1_000, usize::MAX] {
        let (fields, file) = read(open(&body, chunk_bytes)).await.unwrap();
        let expected = [("key", "m/80"), ("Policy", "é"), ("empty", "")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(file, content, "in chunks of {chunk_bytes}");
    }
}

#[tokio::test]
async fn body_that_is_not_a_form_is_refused() {
    for content_type in
        ["", "text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary="]
    {
        let form = FormReader::new(content_type, stream::empty());
        assert_eq!(form.err(), Some(InvalidUpload::NotAForm), "{content_type:?}");
    }
    for (body, fault) in [
        ("", "it ends before its last boundary"),
        ("hello", "it ends before its last boundary"),
        ("--XX\r\nContent-Dis", "it ends before its last boundary"),
        ("--XX\r\nnot a header\r\n\r\n", "a part's headers cannot be read"),
        ("--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--", "a part has no name"),
    ] {
        assert_eq!(refused(body.as_bytes()).await, InvalidUpload::Malformed(fault), "{body:?}");
    }
    let not_utf8 = form_of(&[("key", b"\xff"), ("file", b"x")]);
    assert_eq!(refused(&not_utf8).await, InvalidUpload::Malformed("a field is not UTF-8"));
}

#[tokio::test]
async fn a_form_cut_short_anywhere_never_ends_well() {
    let body = form_of(&[("key", b"m/80"), ("file", b"content of the file")]);
    // The line break after the last boundary is optional.
    for length in 0..body.len() - 2 {
        assert!(read(open(&body[..length], 5)).await.is_err(), "cut at {length}");
    }
}

#[tokio::test]
async fn a_failed_body_is_distinguished_from_a_bad_form() {
    let body = form_of(&[("key", b"m/80"), ("file", b"content")]);
    for length in [0, 10, body.len() - 12] {
        let start = Bytes::copy_from_slice(&body[..length]);
        let chunks = stream::iter([Ok(start), Err(BodyError::from("connection reset"))]);
        let outcome = read(FormReader::new(CONTENT_TYPE, chunks).unwrap()).await;
        assert!(matches!(outcome, Err(EvidenceError::Body(_))), "cut at {length}: {outcome:?}");
    }
}

#[tokio::test]
async fn file_is_present_and_the_last_part() {
    assert_eq!(refused(&form_of(&[("key", b"m/80")])).await, InvalidUpload::FileMissing);
    assert_eq!(refused(&form_of(&[("file", b"x"), ("key", b"m/80")])).await, InvalidUpload::FileNotLast);
    assert_eq!(refused(&form_of(&[("file", b"x"), ("file", b"y")])).await, InvalidUpload::FileNotLast);
}

#[tokio::test]
async fn fields_are_bounded_and_come_once() {
    assert_eq!((FIELD_NAME_MAX_BYTES, FIELD_VALUE_MAX_BYTES), (64, 8_192));
    assert_eq!((FORM_HEAD_MAX_BYTES, FORM_TAIL_MAX_BYTES), (32_768, 4_096));
    let value = vec![b'v'; FIELD_VALUE_MAX_BYTES];
    assert!(read(open(&form_of(&[("key", &value), ("file", b"x")]), 1_000)).await.is_ok());
    let long = vec![b'v'; FIELD_VALUE_MAX_BYTES + 1];
    assert_eq!(
        refused(&form_of(&[("key", &long), ("file", b"x")])).await,
        InvalidUpload::FieldTooLong("key".into())
    );

    let name = "n".repeat(FIELD_NAME_MAX_BYTES);
    assert!(read(open(&form_of(&[(&name, b"v"), ("file", b"x")]), 1_000)).await.is_ok());
    let name = "n".repeat(FIELD_NAME_MAX_BYTES + 1);
    let refusal = refused(&form_of(&[(&name, b"v"), ("file", b"x")])).await;
    assert_eq!(refusal, InvalidUpload::FieldTooLong("n".repeat(FIELD_NAME_MAX_BYTES)));

    let refusal = refused(&form_of(&[("key", b"a"), ("KEY", b"b"), ("file", b"x")])).await;
    assert_eq!(refusal, InvalidUpload::FieldRepeated("KEY".into()));

    let names: Vec<_> = (0..=FIELDS_MAX).map(|number| format!("field{number}")).collect();
    let fields: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"v".as_slice())).collect();
    assert_eq!(refused(&form_of(&fields)).await, InvalidUpload::TooManyFields);
}

/// An endless body that repeats one chunk, and counts the bytes that were read.
fn endless(
    start: &'static [u8],
    piece: &'static [u8],
) -> (FormReader, std::sync::Arc<std::sync::atomic::AtomicU64>) {
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = taken.clone();
    let pieces = stream::once(async move { start }).chain(stream::repeat(piece));
    let body = pieces.map(move |piece| {
        counter.fetch_add(piece.len() as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(Bytes::from_static(piece))
    });
    (FormReader::new(CONTENT_TYPE, body).unwrap(), taken)
}

#[tokio::test]
async fn a_head_without_end_is_given_up_early() {
    let header = b"--XX\r\nContent-Disposition: form-data; name=\"key\"\r\nx: ";
    for start in [b"no boundary".as_slice(), header] {
        let (form, taken) = endless(start, &[b'x'; 1_000]);
        let outcome = read(form).await;
        assert!(matches!(outcome, Err(EvidenceError::Refused(InvalidUpload::TooManyFields))), "{outcome:?}");
        assert!(taken.load(std::sync::atomic::Ordering::Relaxed) <= FORM_HEAD_MAX_BYTES + 2_000);
    }
}

#[tokio::test]
async fn a_file_or_a_tail_without_end_is_given_up() {
    let file = b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx";
    let tail = b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--XX\r\nx: ";
    for (start, expected) in [
        (file.as_slice(), InvalidUpload::TooLarge(Scene::max_bytes_of_any())),
        (tail, InvalidUpload::FileNotLast),
    ] {
        let (form, taken) = endless(start, &[b'x'; 10_000]);
        let outcome = read(form).await;
        assert!(
            matches!(&outcome, Err(EvidenceError::Refused(refusal)) if *refusal == expected),
            "{outcome:?}"
        );
        assert!(taken.load(std::sync::atomic::Ordering::Relaxed) < 2_300_000);
    }
}

#[tokio::test]
async fn the_file_is_handed_on_before_more_of_it_is_read() {
    let start = b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    let (mut form, taken) = endless(start, &[b'x'; 10_000]);
    form.fields().await.unwrap();
    let mut file = Box::pin(form.file());
    for number in 1..50 {
        file.next().await.unwrap().unwrap();
        assert!(taken.load(std::sync::atomic::Ordering::Relaxed) <= (number + 1) * 10_000);
    }
}

#[tokio::test]
async fn fields_after_the_file_are_reported_as_such() {
    let missing = InvalidUpload::FieldMissing("key");
    for (parts, expected) in [
        (vec![("file", b"x".as_slice()), ("key", b"m/80")], InvalidUpload::FileNotLast),
        (vec![("file", b"x".as_slice())], missing.clone()),
        (vec![("policy", b"p".as_slice()), ("file", b"x")], missing.clone()),
    ] {
        let mut form = open(&form_of(&parts), 1_000);
        form.fields().await.unwrap();
        assert_eq!(form.explain(missing.clone()).await, expected);
    }
}

#[tokio::test]
async fn a_slow_body_is_waited_for() {
    let body = form_of(&[("key", b"m/80"), ("file", b"content")]);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let mut receiver = receiver;
    let chunks = stream::poll_fn(move |context| receiver.poll_recv(context).map(|chunk| chunk.map(Ok)));
    let send = async move {
        for byte in body {
            // Nothing is read after the last boundary.
            let _ = sender.send(Bytes::copy_from_slice(&[byte])).await;
            let mut yielded = false;
            poll_fn(|context| {
                if std::mem::replace(&mut yielded, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    };
    let (outcome, ()) = join(read(FormReader::new(CONTENT_TYPE, chunks).unwrap()), send).await;
    assert_eq!(outcome.unwrap().1, b"content");
}

#[tokio::test]
async fn forms_are_read_as_clients_write_them() {
    for (content_type, boundary, disposition) in [
        (CONTENT_TYPE, "XX", r#"form-data; NAME="file""#),
        (
            r#"Multipart/Form-Data; boundary="X:X""#,
            "X:X",
            r#"form-data; filename="a; name=key.png"; name="file""#,
        ),
        ("multipart/form-data; boundary=X=/X", "X=/X", r#"form-data; filename="€\"; name=file"#),
    ] {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nm/80\r\n\
             --{boundary}\r\ncontent-disposition: {disposition}\r\n\r\ncontent\r\n--{boundary}--\r\n"
        );
        let form = FormReader::new(content_type, stream::iter([Ok(Bytes::from(body))])).unwrap();
        let read = read(form).await.unwrap();
        assert_eq!(read, (vec![("key".to_owned(), "m/80".to_owned())], b"content".to_vec()), "{disposition}");
    }
}
