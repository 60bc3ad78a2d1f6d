//! People and programs log in to real servers, rightly and wrongly, through an
//! interface that the daemon watches: its rows say who and how it ended, and in
//! nothing that it wrote is a password.

mod common;
#[path = "common/doors.rs"]
mod doors;
#[path = "common/mariadb.rs"]
mod mariadb;
#[path = "common/servers.rs"]
mod servers;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use common::net::{CONFIG, Net, Watcher, write_config};
use doors::Doors;
use servers::Servers;

/// What is typed, ann's own and one that is wrong.
const RIGHT: &str = "plover-and-thicket";
const WRONG: &str = "sparrow-and-hedge";

/// What a client is told, whether it gets in, and the rows of its log-ins:
/// service, user, method, outcome, estimated, encrypted.
struct Try {
    line: &'static str,
    gets_in: bool,
    rows: &'static [&'static str],
}

#[rustfmt::skip]
const TRIES: [Try; 13] = [
    Try { line: "ssh -F none -p 2222 -i AT/id -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=AT/known_hosts \
            root@ssh.example.com true", gets_in: true,
        rows: &["ssh - - accepted 1 1"] },
    Try { line: "ssh -F none -p 2222 -i AT/stranger -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=AT/known_hosts \
            root@ssh.example.com true", gets_in: false,
        rows: &["ssh - - refused 1 1"] },
    Try { line: "mariadb --no-defaults -h mysql.example.com -P 3310 -u ann -pRIGHT --skip-ssl -e 'DO 1'", gets_in: true,
        rows: &["mysql ann mysql_native_password accepted 0 0"] },
    Try { line: "mariadb --no-defaults -h mysql.example.com -P 3310 -u ann -pWRONG --skip-ssl -e 'DO 1'", gets_in: false,
        rows: &["mysql ann mysql_native_password refused 0 0"] },
    // What is in TLS nobody sees.
    Try { line: "mariadb --no-defaults -h mysql.example.com -P 3310 -u ann -pRIGHT --ssl-ca=AT/cert.pem -e 'DO 1'", gets_in: true,
        rows: &[] },
    Try { line: "PGPASSWORD=RIGHT psql -XAt 'host=pg.example.com port=5440 user=ann dbname=postgres sslmode=disable' -c 'SELECT 1'", gets_in: true,
        rows: &["pgsql ann scram-sha-256 accepted 0 0"] },
    Try { line: "PGPASSWORD=WRONG psql -XAt 'host=pg.example.com port=5440 user=ann dbname=postgres sslmode=disable' -c 'SELECT 1'", gets_in: false,
        rows: &["pgsql ann scram-sha-256 refused 0 0"] },
    Try { line: "psql -XAt 'host=pg.example.com port=5440 user=weir dbname=postgres sslmode=disable' -c 'SELECT 1'", gets_in: true,
        rows: &["pgsql weir none accepted 0 0"] },
    Try { line: "PGPASSWORD=RIGHT psql -XAt 'host=pg.example.com port=5440 user=ann dbname=postgres sslmode=require' -c 'SELECT 1'", gets_in: true,
        rows: &[] },
    Try { line: "redis-cli -e -h redis.example.com -p 7001 -a RIGHT PING", gets_in: true,
        rows: &["redis default password accepted 0 0"] },
    Try { line: "redis-cli -e -h redis.example.com -p 7001 --user ann -a RIGHT PING", gets_in: true,
        rows: &["redis ann password accepted 0 0"] },
    Try { line: "redis-cli -e -h redis.example.com -p 7001 --user ann -a WRONG PING", gets_in: false,
        rows: &["redis ann password refused 0 0"] },
    Try { line: "redis-cli -e -h redis.example.com -p 7001 -3 --user ann -a RIGHT PING", gets_in: true,
        rows: &["redis ann password accepted 0 0"] },
];

/// The same of files, mail, directories and shells.
#[rustfmt::skip]
const DOORS: [Try; 34] = [
    Try { line: "curl -sS --user ann:RIGHT ftp://ftp.example.com/", gets_in: true,
        rows: &["ftp ann password accepted 0 0"] },
    Try { line: "curl -sS --user ann:WRONG ftp://ftp.example.com/", gets_in: false,
        rows: &["ftp ann password refused 0 0"] },
    Try { line: "curl -sS --user nobody-there:RIGHT ftp://ftp.example.com/", gets_in: false,
        rows: &["ftp nobody-there password refused 0 0"] },
    Try { line: "curl -sS --ssl-reqd --cacert AT/cert.pem --user ann:RIGHT ftp://ftp.example.com/", gets_in: true,
        rows: &[] },
    Try { line: "curl -sS --ssl-reqd --cacert AT/cert.pem --user ann:WRONG ftp://ftp.example.com/", gets_in: false,
        rows: &[] },

    Try { line: "MAIL smtp://mail.example.com:587/me --login-options AUTH=PLAIN --user ann:RIGHT", gets_in: true,
        rows: &["smtp ann plain accepted 0 0"] },
    Try { line: "MAIL smtp://mail.example.com:587/me --login-options AUTH=PLAIN --user ann:WRONG", gets_in: false,
        rows: &["smtp ann plain refused 0 0"] },
    Try { line: "MAIL smtp://mail.example.com:587/me --login-options AUTH=LOGIN --user ann:RIGHT", gets_in: true,
        rows: &["smtp ann login accepted 0 0"] },
    Try { line: "MAIL smtp://mail.example.com:587/me --login-options AUTH=LOGIN --user ann:WRONG", gets_in: false,
        rows: &["smtp ann login refused 0 0"] },
    Try { line: "MAIL smtp://mail.example.com/me --login-options AUTH=CRAM-MD5 --user ann:RIGHT", gets_in: true,
        rows: &["smtp ann cram-md5 accepted 0 0"] },
    Try { line: "MAIL smtp://mail.example.com/me --login-options AUTH=CRAM-MD5 --user ann:WRONG", gets_in: false,
        rows: &["smtp ann cram-md5 refused 0 0"] },
    Try { line: "MAIL smtp://mail.example.com:587/me --ssl-reqd --cacert AT/cert.pem --user ann:RIGHT", gets_in: true,
        rows: &[] },
    Try { line: "MAIL smtps://mail.example.com/me --cacert AT/cert.pem --user ann:RIGHT", gets_in: true, rows: &[] },

    Try { line: "PYTHON 'import imaplib; imaplib.IMAP4(\"mail.example.com\").login(\"ann\", \"RIGHT\")'", gets_in: true,
        rows: &["imap ann password accepted 0 0"] },
    Try { line: "PYTHON 'import imaplib; imaplib.IMAP4(\"mail.example.com\").login(\"ann\", \"WRONG\")'", gets_in: false,
        rows: &["imap ann password refused 0 0"] },
    Try { line: "curl -sS --login-options AUTH=PLAIN --user ann:RIGHT imap://mail.example.com/", gets_in: true,
        rows: &["imap ann plain accepted 0 0"] },
    Try { line: "curl -sS --login-options AUTH=PLAIN --user ann:WRONG imap://mail.example.com/", gets_in: false,
        rows: &["imap ann plain refused 0 0"] },
    Try { line: "curl -sS --login-options AUTH=CRAM-MD5 --user ann:RIGHT imap://mail.example.com/", gets_in: true,
        rows: &["imap ann cram-md5 accepted 0 0"] },
    Try { line: "curl -sS --ssl-reqd --cacert AT/cert.pem --user ann:RIGHT imap://mail.example.com/", gets_in: true,
        rows: &[] },
    Try { line: "curl -sS --cacert AT/cert.pem --user ann:WRONG imaps://mail.example.com/", gets_in: false, rows: &[] },

    Try { line: "POP3 'pop.user(\"ann\"); pop.pass_(\"RIGHT\")'", gets_in: true, rows: &["pop3 ann password accepted 0 0"] },
    Try { line: "POP3 'pop.user(\"ann\"); pop.pass_(\"WRONG\")'", gets_in: false, rows: &["pop3 ann password refused 0 0"] },
    Try { line: "POP3 'pop.apop(\"ann\", \"RIGHT\")'", gets_in: true, rows: &["pop3 ann apop accepted 0 0"] },
    Try { line: "POP3 'pop.apop(\"ann\", \"WRONG\")'", gets_in: false, rows: &["pop3 ann apop refused 0 0"] },
    Try { line: "curl -sS --login-options AUTH=LOGIN --user ann:RIGHT pop3://mail.example.com/", gets_in: true,
        rows: &["pop3 ann login accepted 0 0"] },
    Try { line: "curl -sS --ssl-reqd --cacert AT/cert.pem --user ann:RIGHT pop3://mail.example.com/", gets_in: true,
        rows: &[] },

    Try { line: "LDAP ldap://ldap.example.com -x -D cn=ann,dc=example,dc=com -w RIGHT", gets_in: true,
        rows: &["ldap cn=ann,dc=example,dc=com simple accepted 0 0"] },
    Try { line: "LDAP ldap://ldap.example.com -x -D cn=ann,dc=example,dc=com -w WRONG", gets_in: false,
        rows: &["ldap cn=ann,dc=example,dc=com simple refused 0 0"] },
    Try { line: "LDAP ldap://ldap.example.com -x", gets_in: true, rows: &["ldap - anonymous accepted 0 0"] },
    Try { line: "LDAP ldap://ldap.example.com -Q -Y SCRAM-SHA-256 -U ann -w RIGHT", gets_in: true,
        rows: &["ldap ann scram-sha-256 accepted 0 0"] },
    Try { line: "LDAP ldap://ldap.example.com -Q -Y SCRAM-SHA-256 -U ann -w WRONG", gets_in: false,
        rows: &["ldap ann scram-sha-256 refused 0 0"] },
    Try { line: "LDAP ldap://ldap.example.com -x -ZZ -D cn=ann,dc=example,dc=com -w RIGHT", gets_in: true, rows: &[] },

    Try { line: "python3 AT/typist.py 'busybox telnet shell.example.com' login: ann Password: RIGHT '$ ' exit", gets_in: true,
        rows: &["telnet ann password accepted 1 0"] },
    Try { line: "python3 AT/typist.py 'busybox telnet shell.example.com' login: ann Password: WRONG '$ ' exit", gets_in: false,
        rows: &["telnet ann password refused 1 0"] },
];

/// What stands for the beginning of a line that is often the same.
const SHORT: [(&str, &str); 4] = [
    ("MAIL ", "curl -sS --mail-from ann@example.com --mail-rcpt bob@example.com -T AT/mail "),
    ("PYTHON ", "python3 -c "),
    ("POP3 ", "python3 AT/pop3.py "),
    ("LDAP ", "LDAPTLS_CACERT=AT/cert.pem ldapwhoami -H "),
];

/// A shell's line with the passwords that are typed.
fn typed(line: &str) -> String {
    let line = SHORT.iter().fold(line.to_string(), |line, (word, long)| match line.strip_prefix(word) {
        Some(rest) => format!("{long}{rest}"),
        None => line,
    });
    line.replace("RIGHT", RIGHT).replace("WRONG", WRONG)
}

/// Makes ann known to the servers, each as soon as it answers, and a key that none
/// of them knows.
fn introduce(servers: &Servers) {
    let lines = [
        "ssh-keygen -q -t ed25519 -N '' -f AT/stranger",
        "psql -X 'host=pg.example.com port=5440 user=weir dbname=postgres sslmode=disable' \
           -c \"CREATE ROLE ann LOGIN PASSWORD 'RIGHT'\"",
        "redis-cli -e -h redis.example.com -p 7001 ACL SETUSER ann on '>RIGHT' '~*' +@all",
        "redis-cli -e -h redis.example.com -p 7001 CONFIG SET requirepass RIGHT",
        "ssh -F none -p 2222 -i AT/id -o BatchMode=yes -o UserKnownHostsFile=AT/known_hosts root@ssh.example.com true",
    ];
    for line in lines.map(typed) {
        let mut trouble = String::new();
        common::until(&line, || {
            let (ok, text) = servers.client(&line);
            if !ok && text != trouble {
                println!("{line}: {text}");
                trouble = text;
            }
            ok
        });
    }
    servers.mariadb.sql(&typed("CREATE USER ann@'%' IDENTIFIED BY 'RIGHT'"));
}

#[test]
fn log_ins_have_their_outcomes_and_no_passwords() {
    let mut servers = Servers::start(Net::new("log-ins"));
    let folder = servers.net.folder.clone();
    write_config(&folder, "");
    fs::write(folder.join("weir.toml"), format!("{CONFIG}details = true\n")).unwrap();
    introduce(&servers);
    let daemon = servers.net.daemon_at_server();
    for Try { line, gets_in, .. } in &TRIES {
        let (ok, text) = servers.client(&typed(line));
        assert!(ok == *gets_in, "{line}: {text}");
    }
    let net = &mut servers.net;
    assert_eq!(daemon.end(net), Some(0), "{}", daemon.log());

    compare(&TRIES.iter().collect::<Vec<_>>(), &daemon);

    let known: Vec<String> = daemon
        .rows("SELECT DISTINCT CONCAT_WS(' ', service, server_version IS NOT NULL) FROM auth ORDER BY 1");
    assert_eq!(known, ["mysql 1", "pgsql 0", "pgsql 1", "redis 0", "ssh 1"]);
    let hello: Vec<u32> = daemon.rows("SELECT LENGTH(hassh) + LENGTH(hassh_server) FROM ssh");
    assert_eq!(hello, [64, 64]);

    let bytes = written(&folder);
    assert!(holds(&bytes, "mysql_native_password"), "what was written is what is looked through");
    no_password_in(&bytes);
}

#[test]
fn who_fetches_files_reads_mail_or_asks_a_directory_is_told_without_a_password() {
    let mut doors = Doors::start(Net::new("doors"), RIGHT);
    let folder = doors.net.folder.clone();
    write_config(&folder, "");
    fs::write(folder.join("weir.toml"), format!("{CONFIG}details = true\n")).unwrap();
    wait_for(&doors);
    let daemon = doors.net.daemon_at_server();
    let is_mailbox = |it: &Try| ["imap", "pop3", "POP3"].iter().any(|name| it.line.contains(name));
    let tries: Vec<&Try> = DOORS.iter().filter(|it| doors.has_mailboxes || !is_mailbox(it)).collect();
    for Try { line, gets_in, .. } in &tries {
        let (ok, text) = doors.client(&typed(line));
        assert!(ok == *gets_in, "{line}: {text}\n{}", doors.logs());
    }
    let net = &mut doors.net;
    assert_eq!(daemon.end(net), Some(0), "{}", daemon.log());
    compare(&tries, &daemon);

    let bytes = written(&folder);
    assert!(
        holds(&bytes, "scram-sha-256") && holds(&bytes, "vsFTPd"),
        "what was written is what is looked through"
    );
    no_password_in(&bytes);
}

/// Each server answers before somebody watches.
fn wait_for(doors: &Doors) {
    let mailboxes = [("mail", 143), ("mail", 110)];
    let others = [("ftp", 21), ("mail", 25), ("mail", 587), ("ldap", 389), ("shell", 23)];
    for (host, port) in others.into_iter().chain(mailboxes.into_iter().filter(|_| doors.has_mailboxes)) {
        let line =
            format!("python3 -c 'import socket; socket.create_connection((\"{host}.example.com\", {port}))'");
        let mut trouble = String::new();
        common::until(&line, || {
            let (ok, text) = doors.client(&line);
            if !ok && text != trouble {
                println!("{text}\n{}", doors.logs());
                trouble = text;
            }
            ok
        });
    }
}

/// Shows what was typed beside what was written down of it, and holds that to be what
/// is due.
fn compare(tries: &[&Try], daemon: &Watcher) {
    let rows: Vec<String> = daemon.rows(
        "SELECT CONCAT_WS(' ', service, COALESCE(user, '-'), COALESCE(method, '-'), outcome, estimated, encrypted) \
         FROM auth ORDER BY time",
    );
    let mut rest = rows.iter();
    for Try { line, gets_in, rows } in tries {
        let told = if *gets_in { "let in" } else { "sent away" };
        let found: Vec<_> = rest.by_ref().take(rows.len()).map(String::as_str).collect();
        println!("{line}\n    {told}; {}", if found.is_empty() { "no row".into() } else { found.join("; ") });
    }
    let due: Vec<_> = tries.iter().flat_map(|it| it.rows).collect();
    assert!(rows.iter().eq(due.iter().copied()), "{rows:#?} for {due:#?}");
}

/// All that the daemon wrote into `folder`.
fn written(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("weir.") || name.starts_with("web.") {
            bytes.extend(fs::read(entry).unwrap());
        }
    }
    bytes
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Neither as they were typed, nor as base64 has them at each place of a group.
fn no_password_in(bytes: &[u8]) {
    for password in [RIGHT, WRONG] {
        assert!(!holds(bytes, password), "{password}");
        for before in 0..3 {
            let text = STANDARD.encode([&vec![0; before][..], password.as_bytes()].concat());
            // Its ends depend on what is beside them.
            let inner = &text[4..text.len() - 4];
            assert!(!holds(bytes, inner), "{inner}");
        }
    }
}
