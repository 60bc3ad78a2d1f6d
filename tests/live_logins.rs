//! People and programs log in to real servers, rightly and wrongly, through an
//! interface that the daemon watches: its rows say who and how it ended, and in
//! nothing that it wrote is a password.

mod common;
#[path = "common/mariadb.rs"]
mod mariadb;
#[path = "common/servers.rs"]
mod servers;

use std::fs;

use common::net::{CONFIG, Net, write_config};
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

/// A shell's line with the passwords that are typed.
fn typed(line: &str) -> String {
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

    let rows: Vec<String> = daemon.rows(
        "SELECT CONCAT_WS(' ', service, COALESCE(user, '-'), COALESCE(method, '-'), outcome, estimated, encrypted) \
         FROM auth ORDER BY time",
    );
    let due: Vec<_> = TRIES.iter().flat_map(|it| it.rows).collect();
    assert!(rows.iter().eq(due.iter().copied()), "{rows:#?} for {due:#?}");

    let known: Vec<String> = daemon
        .rows("SELECT DISTINCT CONCAT_WS(' ', service, server_version IS NOT NULL) FROM auth ORDER BY 1");
    assert_eq!(known, ["mysql 1", "pgsql 0", "pgsql 1", "redis 0", "ssh 1"]);
    let hello: Vec<u32> = daemon.rows("SELECT LENGTH(hassh) + LENGTH(hassh_server) FROM ssh");
    assert_eq!(hello, [64, 64]);

    let mut bytes = Vec::new();
    for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("weir.") || name.starts_with("web.") {
            bytes.extend(fs::read(entry).unwrap());
        }
    }
    let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(holds("mysql_native_password"), "what was written is what is looked through");
    assert!(!holds(RIGHT) && !holds(WRONG));
}
