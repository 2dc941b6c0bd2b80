//! A runtime in Rust: reads the invocation, answers with its payload in brackets.
use std::io::{Read, Write};
use std::net::TcpStream;

fn ask(connection: &mut TcpStream, request: &str) -> (String, String) {
    connection.write_all(request.as_bytes()).unwrap();
    let mut data = Vec::new();
    let mut piece = [0u8; 4096];
    loop {
        let got = connection.read(&mut piece).unwrap();
        assert!(got > 0);
        data.extend_from_slice(&piece[..got]);
        let text = String::from_utf8_lossy(&data).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "Content-Length").parse::<usize>().unwrap();
            if body.len() >= length {
                return (head.to_string(), body.to_string());
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

fn main() {
    let mut connection = TcpStream::connect(std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap()).unwrap();
    loop {
        let (head, event) = ask(&mut connection, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n");
        println!("Rust has {event}");
        let id = header(&head, "Lambda-Runtime-Aws-Request-Id");
        ask(&mut connection, &format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n[{event}]",
            event.len() + 2));
    }
}
