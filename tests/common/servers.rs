//! Real servers for a network of a test's own, each at an address and a name of
//! its own, and clients that find them by these names. `make test` installs the
//! programs, or unpacks them below target.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::net::{Net, must, run_words};
use crate::mariadb;

/// Names and addresses of the servers. Databases and ssh are at ports of the
/// test's own, so that nothing but what they say tells what they are.
pub const NAMES: [(&str, &str); 7] = [
    ("web.example.com", "10.77.0.11"),
    ("secure.example.com", "10.77.0.12"),
    ("h3.example.com", "10.77.0.13"),
    ("ssh.example.com", "10.77.0.14"),
    ("redis.example.com", "10.77.0.15"),
    ("mysql.example.com", "10.77.0.16"),
    ("pg.example.com", "10.77.0.17"),
];

pub const PAGE: &str = "a page of the test's own";

pub struct Servers {
    // Ends before the folder it is in goes with the net.
    pub mariadb: mariadb::Server,
    pub net: Net,
    pub has_http3: bool,
}

impl Servers {
    pub fn start(mut net: Net) -> Servers {
        prepare(&net);
        resolver(&mut net);
        apache(&mut net);
        let has_http3 = http3(&mut net);
        ssh(&mut net);
        redis(&mut net);
        postgres(&mut net);
        let file = |name| net.folder.join(name).display().to_string();
        let mariadb = mariadb::Server::start_in(
            Some(&net.server),
            &net.folder,
            &[
                "--bind-address=10.77.0.16",
                "--port=3310",
                &format!("--ssl-cert={}", file("cert.pem")),
                &format!("--ssl-key={}", file("key.pem")),
            ],
        );
        mariadb.sql("CREATE USER weir@'%' IDENTIFIED BY 'secret'");
        Servers { mariadb, net, has_http3 }
    }

    /// Runs a shell's line at the client, where names are asked for at the
    /// test's resolver. AT is the folder.
    pub fn client(&self, line: &str) -> (bool, String) {
        let script = self.net.folder.join("client.sh").display().to_string();
        run_words(&["ip", "netns", "exec", &self.net.client, "sh", &script, &at(&self.net.folder, line)])
    }
}

fn at(folder: &Path, text: &str) -> String {
    text.replace("AT/", &format!("{}/", folder.display()))
}

/// A script in the folder; AT is the folder.
fn script(net: &Net, name: &str, text: &str) {
    fs::write(net.folder.join(name), format!("set -e\n{}", at(&net.folder, text))).unwrap();
}

/// Addresses, a certificate, keys, and what clients know.
fn prepare(net: &Net) {
    for (_, address) in NAMES {
        must(&format!("ip -n {} address add {address}/24 dev s0", net.server));
    }
    let names = NAMES.map(|(name, _)| format!("DNS:{name}")).join(",");
    fs::create_dir_all(net.folder.join("www")).unwrap();
    fs::write(net.folder.join("www/index.html"), PAGE).unwrap();
    fs::write(net.folder.join("resolv.conf"), "nameserver 10.77.0.1\n").unwrap();
    fs::write(net.folder.join("nsswitch.conf"), "hosts: dns\n").unwrap();
    // Each program that `ip netns exec` starts has mounts of its own: nobody
    // else's resolver is another.
    script(
        net,
        "client.sh",
        "mount --bind AT/resolv.conf /etc/resolv.conf\n\
         [ ! -e /etc/nsswitch.conf ] || mount --bind AT/nsswitch.conf /etc/nsswitch.conf\n\
         eval \"$1\"\n",
    );
    // Who serves pages and databases is not root.
    script(
        net,
        "prepare.sh",
        &format!(
            "cd AT/\n\
             chmod 755 . www\n\
             chmod 644 www/index.html\n\
             openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=example.com \
               -addext subjectAltName={names} -keyout key.pem -out cert.pem\n\
             mkdir -m 700 home home/.ssh\n\
             ssh-keygen -q -t ed25519 -N '' -f id\n\
             cp id.pub home/.ssh/authorized_keys\n\
             dropbearkey -t ed25519 -f host_key | sed -n 's/^ssh-/[ssh.example.com]:2222 &/p' >known_hosts\n"
        ),
    );
    must(&at(&net.folder, "sh AT/prepare.sh"));
}

fn resolver(net: &mut Net) {
    let names = NAMES.map(|(name, address)| format!("--host-record={name},{address}")).join(" ");
    net.serve(
        &format!(
            "dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root \
             --listen-address=10.77.0.1 --bind-interfaces --local=/example.com/ {names}"
        ),
        "dnsmasq.log",
    );
}

/// HTTP/1.1, and HTTPS with HTTP/2 for who wants it.
fn apache(net: &mut Net) {
    let modules = ["mpm_event", "authz_core", "dir", "http2", "ssl"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let config = format!(
        "{modules}\
         ServerRoot AT/\n\
         DefaultRuntimeDir AT/\n\
         PidFile AT/apache.pid\n\
         ErrorLog AT/apache.err\n\
         User nobody\n\
         Group nogroup\n\
         ServerName web.example.com\n\
         DocumentRoot AT/www\n\
         DirectoryIndex index.html\n\
         Listen 10.77.0.11:80\n\
         Listen 10.77.0.12:443\n\
         <VirtualHost 10.77.0.12:443>\n\
         Protocols h2 http/1.1\n\
         SSLEngine on\n\
         SSLCertificateFile AT/cert.pem\n\
         SSLCertificateKeyFile AT/key.pem\n\
         </VirtualHost>\n"
    );
    fs::write(net.folder.join("apache.conf"), at(&net.folder, &config)).unwrap();
    let line = at(&net.folder, "apache2 -D FOREGROUND -f AT/apache.conf");
    net.serve(&line, "apache.log");
}

/// Whether there are a server and a client of HTTP/3.
fn http3(net: &mut Net) -> bool {
    let server = ["/usr/sbin".into(), unpacked().join("usr/sbin")]
        .map(|folder: PathBuf| folder.join("gtlsserver"))
        .into_iter()
        .find(|path| path.exists());
    let Some(server) = server.filter(|_| Path::new("/usr/bin/gtlsclient").exists()) else {
        println!("no gtlsserver or no gtlsclient of ngtcp2: this test goes on without HTTP/3");
        return false;
    };
    fs::create_dir(net.folder.join("http3")).unwrap();
    let server = server.display().to_string();
    let rest = ["-q", "--mime-types-file=/dev/null", "-d", "www", "10.77.0.13", "443", "key.pem", "cert.pem"];
    net.serve_words(&[&[server.as_str()], &rest[..]].concat(), "http3.log");
    true
}

/// The ssh server that routers have, for a root whose home is in the folder.
fn ssh(net: &mut Net) {
    fs::write(net.folder.join("passwd"), at(&net.folder, "root:x:0:0::AT/home:/bin/sh\n")).unwrap();
    fs::write(net.folder.join("shadow"), "root:*:::::::\n").unwrap();
    script(
        net,
        "ssh.sh",
        "mount --bind AT/passwd /etc/passwd\n\
         mount --bind AT/shadow /etc/shadow\n\
         exec dropbear -F -E -s -r AT/host_key -p 10.77.0.14:2222 -P AT/dropbear.pid\n",
    );
    net.serve("sh ssh.sh", "ssh.log");
}

/// Debian's redis-tools have the server, which goes by the name it is called.
fn redis(net: &mut Net) {
    std::os::unix::fs::symlink("/usr/bin/redis-check-rdb", net.folder.join("redis-server")).unwrap();
    let program = net.folder.join("redis-server").display().to_string();
    let options = ["--bind", "10.77.0.15", "--port", "7001", "--protected-mode", "no", "--save", ""];
    net.serve_words(&[&[program.as_str()], &options[..]].concat(), "redis.log");
}

/// PostgreSQL refuses to run as root. Who is not root may not reach where it
/// was unpacked, so that is mounted into the folder.
fn postgres(net: &mut Net) {
    let (usr, version) = [PathBuf::from("/usr"), unpacked().join("usr")]
        .into_iter()
        .find_map(|usr| postgres_below(&usr).map(|version| (usr, version)))
        .expect("postgres is needed: make test unpacks it");
    script(
        net,
        "postgres.sh",
        &format!(
            "mkdir AT/usr AT/pg\n\
             cp AT/cert.pem AT/key.pem AT/pg\n\
             chown -R nobody AT/pg\n\
             mount --bind '{usr}' AT/usr\n\
             as='setpriv --reuid=nobody --regid=nogroup --clear-groups'\n\
             bin=AT/usr/lib/postgresql/{version}/bin\n\
             $as $bin/initdb -D AT/pg/data -U weir -A trust --locale=C -E UTF8 --no-sync\n\
             echo 'host all ann 10.77.0.0/24 scram-sha-256' >>AT/pg/data/pg_hba.conf\n\
             echo 'host all all 10.77.0.0/24 trust' >>AT/pg/data/pg_hba.conf\n\
             exec $as $bin/postgres -D AT/pg/data -h 10.77.0.17 -p 5440 -k AT/pg \
               -c ssl=on -c ssl_cert_file=AT/pg/cert.pem -c ssl_key_file=AT/pg/key.pem\n",
            usr = usr.display()
        ),
    );
    net.serve("sh postgres.sh", "postgres.log");
}

/// The version of PostgreSQL whose server is there.
fn postgres_below(usr: &Path) -> Option<String> {
    let versions = fs::read_dir(usr.join("lib/postgresql")).ok()?.flatten();
    let found = versions.filter(|version| version.path().join("bin/postgres").exists());
    found.map(|version| version.file_name().to_string_lossy().into_owned()).max()
}

/// Where scripts/setup.sh unpacks what a system would start if it were installed.
fn unpacked() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers")
}
