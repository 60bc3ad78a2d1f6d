//! The daemon's socket: one line of JSON asks, one line answers.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

/// A question is a line of at most this many bytes: a whole features.txt as JSON.
const MAX_LINE: u64 = 4 << 20;

/// Who does not ask or take the answer in this time is hung up on.
const PATIENCE: Duration = Duration::from_secs(5);

/// The listening end. Removes the socket when it goes.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Makes the socket at `path`. Fails when a daemon answers there already.
    pub fn bind(path: &Path) -> io::Result<Server> {
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::other("another weir is running there"));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // What a crash left behind would be in the way.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        Ok(Server { listener, path: path.to_owned() })
    }

    /// Answers by `answer`, one question at a time, in a thread of its own.
    pub fn spawn(self, mut answer: impl FnMut(&Value) -> Value + Send + 'static) -> Guard {
        let guard = Guard(self.path.clone());
        std::thread::spawn(move || {
            for stream in self.listener.incoming().flatten() {
                if let Err(error) = serve(&stream, &mut answer) {
                    log::debug!("control: {error}");
                }
            }
        });
        guard
    }
}

/// Removes the socket at the daemon's end.
pub struct Guard(PathBuf);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn serve(stream: &UnixStream, answer: &mut impl FnMut(&Value) -> Value) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line)?;
    let reply = match serde_json::from_str::<Value>(&line) {
        Ok(question) => answer(&question),
        Err(error) => json!({"error": format!("not a line of JSON: {error}")}),
    };
    let mut out = stream;
    writeln!(out, "{reply}")
}

/// Asks the daemon whose socket is at `path`.
pub fn ask(path: &Path, question: &Value) -> io::Result<Value> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    writeln!(stream, "{question}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("weir-control-{}-{name}/socket", std::process::id()))
    }

    #[test]
    fn a_question_has_an_answer_and_nonsense_too() {
        let path = socket("answers");
        let guard = Server::bind(&path).unwrap().spawn(|question| json!({"to": question["command"]}));
        assert_eq!(ask(&path, &json!({"command": "status"})).unwrap(), json!({"to": "status"}));
        // All of a signature file, and more than any.
        let text = "x".repeat(3 << 20);
        assert_eq!(ask(&path, &json!({"command": 7, "text": text})).unwrap(), json!({"to": 7}));
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"{nonsense\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert!(line.contains("not a line of JSON"), "{line}");
        let second = Server::bind(&path).err().unwrap();
        assert_eq!(second.to_string(), "another weir is running there");
        drop(guard);
        assert!(!path.exists());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn what_a_crash_left_is_not_in_the_way() {
        let path = socket("stale");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists() && Server::bind(&path).is_ok());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
