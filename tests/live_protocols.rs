//! Real clients talk to real servers through an interface that the daemon
//! watches; the rows and the pages show each by its name.

mod common;
#[path = "common/mariadb.rs"]
mod mariadb;
#[path = "common/servers.rs"]
mod servers;

use common::net::{Net, run, write_config};
use servers::{NAMES, PAGE, Servers};

/// What each client does, what it prints then, and its session: transport,
/// protocol, server with its port, name, and what told the name (or either,
/// where only newer clients tell it themselves).
struct Talk {
    line: &'static str,
    answer: &'static str,
    session: &'static str,
}

#[rustfmt::skip]
const TALKS: [Talk; 11] = [
    Talk { line: "curl -sS -m 50 http://web.example.com/", answer: PAGE,
        session: "tcp http 10.77.0.11:80 web.example.com http" },
    Talk { line: "curl -sS -m 50 --http1.1 --cacert AT/cert.pem https://secure.example.com/", answer: PAGE,
        session: "tcp tls 10.77.0.12:443 secure.example.com sni" },
    Talk { line: "curl -sS -m 50 --http2 --cacert AT/cert.pem https://secure.example.com/", answer: PAGE,
        session: "tcp tls 10.77.0.12:443 secure.example.com sni" },
    // As long a hello as keys that withstand quantum computers make; offload hands it over in one frame.
    Talk { line: "openssl s_client -connect secure.example.com:443 -servername secure.example.com \
            -CAfile AT/cert.pem -alpn \"$(printf '%0250d,' 1 2 3 4 5 6 7 8)h2\" </dev/null", answer: "Verification: OK",
        session: "tcp tls 10.77.0.12:443 secure.example.com sni" },
    Talk { line: "gtlsclient -q --exit-on-all-streams-close --download=AT/http3 h3.example.com 443 \
            https://h3.example.com/index.html && cat AT/http3/index.html", answer: PAGE,
        session: "udp quic 10.77.0.13:443 h3.example.com quic" },
    Talk { line: "ssh -F none -p 2222 -i AT/id -o BatchMode=yes -o UserKnownHostsFile=AT/known_hosts \
            root@ssh.example.com 'cat AT/www/index.html'", answer: PAGE,
        session: "tcp ssh 10.77.0.14:2222 ssh.example.com dns" },
    Talk { line: "redis-cli -h redis.example.com -p 7001 SET page 1", answer: "OK",
        session: "tcp redis 10.77.0.15:7001 redis.example.com dns" },
    Talk { line: "mariadb --no-defaults -h mysql.example.com -P 3310 -u weir -psecret --skip-ssl -BN \
            -e \"SELECT CONCAT('in ', 'the clear')\"", answer: "in the clear",
        session: "tcp mysql 10.77.0.16:3310 mysql.example.com dns" },
    Talk { line: "mariadb --no-defaults -h mysql.example.com -P 3310 -u weir -psecret --ssl-ca=AT/cert.pem \
            --ssl-verify-server-cert -BN -e \"SHOW STATUS LIKE 'Ssl_version'\"", answer: "TLSv1",
        session: "tcp mysql 10.77.0.16:3310 mysql.example.com dns|sni" },
    Talk { line: "psql -XAt 'host=pg.example.com port=5440 user=weir dbname=postgres sslmode=disable' \
            -c \"SELECT 'TLS ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()\"", answer: "TLS false",
        session: "tcp pgsql 10.77.0.17:5440 pg.example.com dns" },
    Talk { line: "psql -XAt 'host=pg.example.com port=5440 user=weir dbname=postgres sslmode=verify-full \
            sslrootcert=AT/cert.pem' \
            -c \"SELECT 'TLS ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()\"", answer: "TLS true",
        session: "tcp pgsql 10.77.0.17:5440 pg.example.com sni" },
];

/// Each client once; what went wrong.
fn talk(servers: &Servers, talks: &[&Talk]) -> Result<(), String> {
    for (name, address) in NAMES {
        let (_, answer) = servers.client(&format!("dig +short +tries=1 +time=20 {name}"));
        if answer.trim() != address {
            return Err(format!("dig {name}: {answer}"));
        }
    }
    for talk in talks {
        let (ok, answer) = servers.client(talk.line);
        if !ok || !answer.contains(talk.answer) {
            return Err(format!("{}: {answer}", talk.line));
        }
    }
    Ok(())
}

/// What the pages over the daemon's database answer.
fn page(net: &Net, query: &str) -> Result<String, String> {
    let url = format!("http://127.0.0.1:8080/{query}");
    let (ok, text) = run(&format!("ip netns exec {} curl -sSf -m 50 {url}", net.server));
    if ok { Ok(text) } else { Err(text) }
}

#[test]
fn each_protocol_is_shown_by_its_name() {
    let mut servers = Servers::start(Net::new("names"));
    write_config(&servers.net.folder, "Example:[;;;example.com;]\n");
    let is_there = |talk: &&Talk| servers.has_http3 || !talk.line.starts_with("gtlsclient");
    let talks: Vec<&Talk> = TALKS.iter().filter(is_there).collect();
    let mut trouble = String::new();
    // Before the daemon: only what went well is to be seen.
    common::until("all servers answer", || match talk(&servers, &talks) {
        Ok(()) => true,
        Err(text) => {
            if text != trouble {
                println!("{text}");
                trouble = text;
            }
            false
        }
    });
    let daemon = servers.net.daemon_at_server();
    talk(&servers, &talks).unwrap();
    let net = &mut servers.net;
    assert_eq!(daemon.end(net), Some(0), "{}", daemon.log());

    let sessions: Vec<String> = daemon.rows(
        "SELECT CONCAT_WS(' ', proto, app_proto, server || ':' || server_port, host, host_source) FROM session \
         WHERE client = '10.77.0.2' AND server LIKE '10.77.0.1_' ORDER BY start",
    );
    let due: Vec<_> = talks.iter().map(|talk| talk.session).collect();
    let fits = |(row, due): (&String, &&str)| match due.strip_suffix("dns|sni") {
        None => row == due,
        Some(rest) => row.strip_prefix(rest).is_some_and(|source| ["dns", "sni"].contains(&source)),
    };
    assert!(sessions.len() == due.len() && sessions.iter().zip(&due).all(fits), "{sessions:#?} for {due:#?}");
    let others: Vec<String> = daemon.rows(
        "SELECT DISTINCT CONCAT_WS(' ', proto, app_proto, client, server || ':' || server_port) FROM session \
         WHERE proto IN ('tcp', 'udp') AND server NOT LIKE '10.77.0.1_'",
    );
    assert_eq!(others, ["udp dns 10.77.0.2 10.77.0.1:53"]);
    for (name, address) in NAMES {
        let asked =
            format!("SELECT answers FROM dns WHERE qname = '{name}' AND qtype = 'A' AND rcode = 'NOERROR'");
        let answers: Vec<String> = daemon.rows(&asked);
        assert!(
            !answers.is_empty() && answers.iter().all(|answer| answer.contains(address)),
            "{name}: {answers:?}"
        );
    }

    // The pages, where nobody else has this port.
    let root = env!("CARGO_MANIFEST_DIR");
    let info = format!("WEIR_WEB={}", net.folder.join("web.json").display());
    let pages = ["-d", "display_errors=1", "-S", "127.0.0.1:8080", "-t", &format!("{root}/web-ta")];
    net.serve_words(&[&["env", &info, "php"], &pages[..]].concat(), "php.log");
    common::until("the pages are served", || page(net, "").is_ok());
    let shown = page(net, "?page=sessions&app=Example").unwrap();
    for session in &sessions {
        let [transport, protocol, server, host, source] = session.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{session}");
        };
        let by = if source == "dns" { "DNS".into() } else { source.to_uppercase() };
        let cells = [
            format!(">{protocol}</a>"),
            format!(">{transport}</a>"),
            format!(">{host}</a>"),
            format!(">{server}</a>"),
            format!(" · by {by}</small>"),
        ];
        let row = shown.split("<tr ").find(|row| cells.iter().all(|cell| row.contains(cell)));
        assert!(row.is_some(), "{cells:?} in no row of {shown}");
    }
    let questions = page(net, "?page=sessions&port=53").unwrap();
    assert!([">dns</a>", ">udp</a>"].iter().all(|cell| questions.contains(cell)), "{questions}");
    let questions = page(net, "?page=dns").unwrap();
    for (name, address) in NAMES {
        assert!(questions.contains(name) && questions.contains(address), "{name} is not in {questions}");
    }
}
