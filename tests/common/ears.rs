//! Somebody at the other end of a way out who keeps every byte, and says as little
//! as the protocol asks for.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Ears {
    /// Where it listens.
    pub address: String,
    heard: Arc<Mutex<Vec<u8>>>,
    /// How many spoke, and how many of them have hung up.
    calls: Arc<Mutex<(usize, usize)>>,
}

impl Ears {
    pub fn open() -> Ears {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ears = Ears {
            address: listener.local_addr().unwrap().to_string(),
            heard: Arc::default(),
            calls: Arc::default(),
        };
        let (heard, calls) = (ears.heard.clone(), ears.calls.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, calls) = (heard.clone(), calls.clone());
                calls.lock().unwrap().0 += 1;
                thread::spawn(move || {
                    listen(stream, &heard);
                    calls.lock().unwrap().1 += 1;
                });
            }
        });
        ears
    }

    /// Whether somebody spoke, and all have hung up.
    pub fn is_over(&self) -> bool {
        let (spoke, ended) = *self.calls.lock().unwrap();
        spoke > 0 && spoke == ended
    }

    /// All that was said so far.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

fn listen(mut stream: TcpStream, heard: &Mutex<Vec<u8>>) {
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut part) {
        said.extend_from_slice(&part[..length]);
        heard.lock().unwrap().extend_from_slice(&part[..length]);
        let answer: &[u8] = match said[0] {
            b'P' if is_request(&said) => b"HTTP/1.1 204 No Content\r\n\r\n",
            // CONNECT of MQTT.
            0x10 => b"\x20\x02\0\0",
            _ => continue,
        };
        said.clear();
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

/// Whether a whole request of HTTP is there.
fn is_request(said: &[u8]) -> bool {
    let text = String::from_utf8_lossy(said).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}
