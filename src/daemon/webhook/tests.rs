//! The webhook against a small server of Python's, and what it sends.

use std::io::BufRead;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::record::{Device, Ids, Name};
use crate::time::Time;

/// Answers with the statuses it is given, one after the other, and prints each body
/// in a line, behind the type it has.
const SERVER: &str = r#"
import http.server, sys
answers = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(self.path, self.headers["Content-Type"], self.headers["Host"].split(":")[0], body.decode(), flush=True)
        self.send_response(int(answers.pop(0)))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
while answers: server.handle_request()
"#;

struct Server {
    child: Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl Server {
    fn start(answers: &[&str]) -> Server {
        let mut command = Command::new("python3");
        command.args(["-c", SERVER]).args(answers).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        Server { child, lines, port }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn alert(text: &str) -> Alert {
    Alert {
        id: Ids::default().next(Time::from_secs(1), 0),
        time: Time::from_secs(1_700_000_000),
        last: Time::from_secs(1_700_000_000),
        kind: "threat",
        severity: 1,
        device: Some(Device::Ip([192, 168, 1, 5].into())),
        src: None,
        dst: Some([192, 0, 2, 1].into()),
        port: Some(443),
        what: Some(Name("a\"b".into())),
        list: None,
        entry: None,
        list_version: None,
        text: text.into(),
        count: 7,
    }
}

fn settings(port: u16) -> Alerts {
    Alerts { webhook: format!("http://127.0.0.1:{port}/hook?a=b").parse().ok(), ..Alerts::default() }
}

#[test]
fn what_is_sent_is_json_whatever_is_in_it() {
    let text = "\"quotes\" \\ {{kind}} \n\u{1b} 名";
    let body = fill(&Alerts::default().webhook_template, &alert(text));
    let read: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        read,
        json!({"kind": "threat", "severity": 1, "time": "2023-11-14T22:13:20.000000+0000",
            "device": "192.168.1.5", "text": text})
    );
    let template = "{{ src }}|{{dst}}:{{port}}|{{what}}|{{list}}|{{entry}}|{{count}}|{{nothing}}|{{kind";
    assert_eq!(fill(template, &alert("x")), "|192.0.2.1:443|a\\\"b|||7|{{nothing}}|{{kind");
    assert_eq!(fill("", &alert("x")), "");
}

#[test]
fn alerts_arrive_and_are_tried_again() {
    let mut server = Server::start(&["200", "500", "204"]);
    let webhook = Webhook::open(&settings(server.port)).unwrap();
    webhook.send(&alert("one"));
    let first = server.line();
    assert!(first.starts_with("/hook?a=b application/json 127.0.0.1 {\"kind\":\"threat\""), "{first}");
    webhook.send(&alert("two"));
    // The second is refused at first.
    let tries = [server.line(), server.line()];
    assert!(tries.iter().all(|line| line.contains("two")), "{tries:?}");
    let shared = webhook.shared.clone();
    webhook.close();
    let meter = shared.with(|meter| meter.clone());
    assert_eq!(meter, Meter { offered: 2, sent: 2, lost: 0, trouble: None });
}

#[test]
fn a_server_that_is_away_costs_only_what_does_not_fit() {
    // Nobody listens where a server was just before.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = settings(port);
    settings.webhook_queue.0 = 2;
    let webhook = Webhook::open(&settings).unwrap();
    for _ in 0..10 {
        webhook.send(&alert("x"));
    }
    let status = webhook.status();
    assert_eq!(status["offered"], 10);
    assert!(status["lost"].as_u64().unwrap() >= 7, "{status}");
    let shared = webhook.shared.clone();
    webhook.close();
    let meter = shared.with(|meter| meter.clone());
    assert!(meter.sent == 0 && meter.trouble.is_some(), "{meter:?}");
}

#[test]
fn only_success_is_success() {
    for (answers, is_well) in [("201", true), ("302", false), ("404", false)] {
        let server = Server::start(&[answers]);
        let url = format!("http://127.0.0.1:{}/", server.port).parse().unwrap();
        let post = Post { url, kind: "text/plain".into(), timeout: Duration::from_secs(20) };
        assert_eq!(post.send("x").is_ok(), is_well, "{answers}");
    }
}
