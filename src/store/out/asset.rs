//! What answers at an address and port, in the two forms that platforms for
//! assets read from passive sensors (DSO-Lab/passets-sensor, "输出数据格式"): all
//! values are strings, and what is not known is empty.

use serde_json::{Value as Json, json};

use crate::record::{Proto, Service};
use crate::wire::bytes::hex;

/// The message about `service` from the sensor `tag`; none for what is not TCP,
/// which has no form. With `deep` it has the body of a page.
pub fn message(service: &Service, tag: &str, deep: bool) -> Option<Json> {
    if service.proto != Proto::TCP {
        return None;
    }
    let seen = Seen::of(service);
    let (ip, port) = (service.ip.to_string(), service.port.to_string());
    Some(if seen.is_http {
        let Seen { url, code, content_type, server, body, .. } = seen;
        let mut message = json!({"pro": "HTTP", "tag": tag, "ip": ip, "port": port, "url": url, "code": code,
            "type": content_type, "server": server, "body": ""});
        if deep {
            message["body"] = body.into();
        }
        message
    } else {
        json!({"pro": "TCP", "tag": tag, "ip": ip, "port": port, "data": seen.data})
    })
}

/// What the two forms have of a service.
#[derive(Default)]
struct Seen {
    is_http: bool,
    url: String,
    code: String,
    content_type: String,
    server: String,
    body: String,
    /// The first bytes that the server sent, in hex.
    data: String,
}

impl Seen {
    fn of(service: &Service) -> Seen {
        let is_http = service.app_proto == Some("http");
        let server = match (service.product.as_deref(), service.version.as_deref()) {
            (Some(product), Some(version)) => format!("{product}/{version}"),
            (Some(product), None) => product.into(),
            _ => String::new(),
        };
        // Without `deep` in [services] the bytes are not kept, but what of them is text.
        let data =
            service.data.clone().or_else(|| service.banner.as_deref().map(|text| hex(text.as_bytes())));
        Seen {
            is_http,
            url: if is_http { service.url.clone().unwrap_or_else(|| url(service)) } else { String::new() },
            code: service.code.map(|code| code.to_string()).unwrap_or_default(),
            content_type: service.content_type.clone().unwrap_or_default(),
            server,
            body: service.body.clone().unwrap_or_default(),
            data: data.unwrap_or_default(),
        }
    }
}

/// The root of what is served: by its name, otherwise by its address.
fn url(service: &Service) -> String {
    let host = match service.host.as_deref() {
        Some(name) => name.to_string(),
        None if service.ip.is_ipv6() => format!("[{}]", service.ip),
        None => service.ip.to_string(),
    };
    match service.port {
        80 => format!("http://{host}/"),
        port => format!("http://{host}:{port}/"),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::record::{Name, short};
    use crate::time::Time;

    pub fn service(port: u16, app_proto: &'static str) -> Service {
        Service {
            service: short(format_args!("tcp 192.0.2.7 {port}")),
            proto: Proto::TCP,
            ip: [192, 0, 2, 7].into(),
            port,
            device: None,
            app_proto: Some(app_proto),
            product: Some("nginx".into()),
            version: Some("1.22".into()),
            host: Some(Name("www.example.com".into())),
            title: None,
            banner: Some("SSH-2.0-x\r\n".into()),
            url: Some("http://www.example.com:8080/a".into()),
            code: Some(404),
            content_type: Some("text/html".into()),
            body: Some("<p>".into()),
            data: None,
            first: Time::from_secs(1_700_000_000),
            last: Time::from_secs(1_700_000_060),
        }
    }

    #[test]
    fn pages_and_other_servers_have_a_form_each_of_strings_alone() {
        let page = message(&service(8080, "http"), "lab", false).unwrap();
        assert_eq!(
            page,
            json!({"pro": "HTTP", "tag": "lab", "ip": "192.0.2.7", "port": "8080", "code": "404",
                "type": "text/html", "url": "http://www.example.com:8080/a", "server": "nginx/1.22", "body": ""})
        );
        let deep = message(&service(8080, "http"), "lab", true).unwrap();
        assert_eq!(deep["body"], "<p>");
        let unseen = Service { url: None, code: None, ..service(8080, "http") };
        assert_eq!(message(&unseen, "lab", false).unwrap()["url"], "http://www.example.com:8080/");
        let shell = message(&service(22, "ssh"), "lab", false).unwrap();
        assert_eq!(
            shell,
            json!({"pro": "TCP", "tag": "lab", "ip": "192.0.2.7", "port": "22",
                "data": "5353482d322e302d780d0a"})
        );
        for message in [page, shell] {
            assert!(message.as_object().unwrap().values().all(Json::is_string));
        }
        let udp = Service { proto: Proto::UDP, ..service(53, "dns") };
        assert_eq!(message(&udp, "lab", true), None);
    }
}
