//! Servers of files, mail, directories and shells that people log in to, each a
//! program of Debian's at an address and a name of its own. `make test` unpacks them
//! below target, and an overlay shows them in /usr to nobody but themselves.
#![allow(dead_code)]

use std::fs;
use std::path::Path;

use crate::common::net::{Net, must, run, run_words};

pub const NAMES: [(&str, &str); 4] = [
    ("ftp.example.com", "10.77.0.21"),
    ("mail.example.com", "10.77.0.22"),
    ("ldap.example.com", "10.77.0.23"),
    ("shell.example.com", "10.77.0.24"),
];

pub struct Doors {
    pub net: Net,
    /// Whether there is a Dovecot of the kind that this test knows to set up.
    pub has_mailboxes: bool,
}

impl Doors {
    /// Starts them; ann gets in by `password`.
    pub fn start(net: Net, password: &str) -> Doors {
        let mut doors = Doors { net, has_mailboxes: false };
        doors.prepare(password);
        doors.files();
        doors.mail(password);
        doors.mailboxes(password);
        doors.directory(password);
        doors.shell();
        doors
    }

    /// Runs a shell's line at the client, who knows the names. AT is the folder.
    pub fn client(&self, line: &str) -> (bool, String) {
        let inside = self.at("AT/inside.sh");
        run_words(&["ip", "netns", "exec", &self.net.client, "sh", &inside, "sh", "-c", &self.at(line)])
    }

    fn at(&self, text: &str) -> String {
        text.replace("AT/", &format!("{}/", self.net.folder.display()))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.net.folder.join(name), self.at(text)).unwrap();
    }

    /// Starts `line` at the server, where the programs are and ann is known.
    fn serve(&mut self, line: &str, log: &str) {
        let line = self.at(&format!("sh AT/inside.sh {line}"));
        self.net.serve(&line, log);
    }

    /// Addresses, a certificate, accounts, and how all of that is mounted.
    fn prepare(&self, password: &str) {
        for (_, address) in NAMES {
            must(&format!("ip -n {} address add {address}/24 dev s0", self.net.server));
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for script in ["inetd.py", "typist.py"] {
            fs::copy(root.join("tests/common").join(script), self.net.folder.join(script)).unwrap();
        }
        self.write("hosts", &NAMES.map(|(name, address)| format!("{address} {name}\n")).concat());
        self.write(
            "passwd",
            "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n\
             ann:x:2001:2001::AT/ann:/bin/sh\n\
             Debian-exim:x:2002:2002::/nonexistent:/bin/false\n\
             dovecot:x:2003:2003::/nonexistent:/bin/false\ndovenull:x:2004:2004::/nonexistent:/bin/false\n",
        );
        self.write(
            "group",
            "root:x:0:\ntty:x:5:\nmail:x:8:\nnogroup:x:65534:\nann:x:2001:\nDebian-exim:x:2002:\n\
             dovecot:x:2003:\ndovenull:x:2004:\n",
        );
        fs::create_dir(self.net.folder.join("pam.d")).unwrap();
        for service in ["vsftpd", "login"] {
            let rules =
                "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n";
            self.write(&format!("pam.d/{service}"), rules);
        }
        self.write(
            "inside.sh",
            &format!(
                "set -e\n\
                 [ ! -d '{usr}' ] || mount -t overlay overlay -o 'lowerdir={usr}:/usr' /usr\n\
                 for name in hosts passwd group shadow pam.d; do mount --bind AT/$name /etc/$name; done\n\
                 cd AT/\n\
                 exec \"$@\"\n",
                usr = root.join("target/servers/usr").display()
            ),
        );
        let names = NAMES.map(|(name, _)| format!("DNS:{name}")).join(",");
        self.write(
            "prepare.sh",
            &format!(
                "set -e\n\
                 cd AT/\n\
                 mkdir -m 755 ann empty dovecot spool ldap\n\
                 chown 2001:2001 ann\n\
                 chown 2002:2002 spool\n\
                 chmod 755 .\n\
                 printf 'root:*:::::::\\nann:%s:::::::\\n' \"$(openssl passwd -6 '{password}')\" >shadow\n\
                 openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=example.com \
                   -addext subjectAltName={names} -keyout key.pem -out cert.pem\n\
                 install -o 2002 -m 400 key.pem spool/key.pem\n"
            ),
        );
        must(&self.at("sh AT/prepare.sh"));
    }

    fn files(&mut self) {
        self.write(
            "vsftpd.conf",
            "background=NO\nlisten=YES\nlisten_address=10.77.0.21\n\
             anonymous_enable=NO\nlocal_enable=YES\npam_service_name=vsftpd\nsecure_chroot_dir=AT/empty\n\
             ssl_enable=YES\nforce_local_logins_ssl=NO\nforce_local_data_ssl=NO\nrequire_ssl_reuse=NO\n\
             ssl_ciphers=HIGH\nrsa_cert_file=AT/cert.pem\nrsa_private_key_file=AT/key.pem\n",
        );
        // What troubles it, it says to its input.
        self.write("vsftpd.sh", "exec vsftpd AT/vsftpd.conf 0>&1\n");
        self.serve("sh AT/vsftpd.sh", "vsftpd.log");
    }

    /// Takes mail and throws it away.
    fn mail(&mut self, password: &str) {
        self.write(
            "exim.conf",
            &format!(
                "primary_hostname = mail.example.com\n\
                 exim_user = Debian-exim\nexim_group = Debian-exim\n\
                 spool_directory = AT/spool\nlog_file_path = AT/spool/%slog\npid_file_path = AT/spool/pid\n\
                 local_interfaces = 10.77.0.22\ndaemon_smtp_ports = 25 : 465 : 587\ntls_on_connect_ports = 465\n\
                 tls_advertise_hosts = *\ntls_certificate = AT/cert.pem\ntls_privatekey = AT/spool/key.pem\n\
                 acl_smtp_rcpt = accept\nacl_smtp_data = discard\n\
                 host_lookup =\nrfc1413_hosts =\nkeep_environment =\n\
                 begin authenticators\n\
                 plain:\n driver = plaintext\n public_name = PLAIN\n server_prompts = :\n\
                 \x20server_condition = ${{if and{{{{eq{{$auth2}}{{ann}}}}{{eq{{$auth3}}{{{password}}}}}}}}}\n\
                 login:\n driver = plaintext\n public_name = LOGIN\n server_prompts = Username:: : Password::\n\
                 \x20server_condition = ${{if and{{{{eq{{$auth1}}{{ann}}}}{{eq{{$auth2}}{{{password}}}}}}}}}\n\
                 cram:\n driver = cram_md5\n public_name = CRAM-MD5\n\
                 \x20server_secret = ${{if eq{{$auth1}}{{ann}}{{{password}}}fail}}\n"
            ),
        );
        self.write("mail", "Subject: hello\n\nhello\n");
        self.serve("exim4 -C AT/exim.conf -bdf", "exim.log");
    }

    /// IMAP and POP3. Since 2.4 its settings have other names.
    fn mailboxes(&mut self, password: &str) {
        let (_, version) =
            run(&self.at(&format!("ip netns exec {} sh AT/inside.sh dovecot --version", self.net.server)));
        self.has_mailboxes = version.starts_with("2.3.");
        if !self.has_mailboxes {
            println!("no Dovecot 2.3 but {version:?}: this test goes on without IMAP and POP3");
            return;
        }
        self.write(
            "pop3.py",
            "import poplib, sys\npop = poplib.POP3('mail.example.com')\nexec(sys.argv[1])\npop.quit()\n",
        );
        self.write("users", &format!("ann:{{PLAIN}}{password}\n"));
        self.write(
            "dovecot.conf",
            "base_dir = AT/dovecot\nstate_dir = AT/dovecot\nlog_path = /dev/stderr\n\
             listen = 10.77.0.22\nprotocols = imap pop3\n\
             ssl = yes\nssl_cert = <AT/cert.pem\nssl_key = <AT/key.pem\n\
             disable_plaintext_auth = no\nauth_mechanisms = plain login cram-md5 apop\nauth_failure_delay = 0\n\
             mail_location = maildir:~/Maildir\n\
             default_internal_user = dovecot\ndefault_login_user = dovenull\n\
             passdb {\n driver = passwd-file\n args = AT/users\n}\nuserdb {\n driver = passwd\n}\n\
             service anvil {\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}\n",
        );
        self.serve("dovecot -F -c AT/dovecot.conf", "dovecot.log");
    }

    fn directory(&mut self, password: &str) {
        let schema = ["/etc/ldap/schema/core.schema", "target/servers/etc/ldap/schema/core.schema"]
            .map(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
            .into_iter()
            .find(|path| path.exists())
            .expect("slapd is needed: make test unpacks it");
        self.write(
            "slapd.conf",
            &format!(
                "modulepath /usr/lib/ldap\nmoduleload back_mdb\ninclude {}\npidfile AT/slapd.pid\n\
                 TLSCertificateFile AT/cert.pem\nTLSCertificateKeyFile AT/key.pem\n\
                 authz-regexp uid=([^,]*),cn=[^,]*,cn=auth cn=$1,dc=example,dc=com\n\
                 password-hash {{CLEARTEXT}}\nsasl-secprops none\n\
                 database mdb\nsuffix dc=example,dc=com\nrootdn cn=admin,dc=example,dc=com\ndirectory AT/ldap\n",
                schema.display()
            ),
        );
        self.write(
            "people.ldif",
            &format!(
                "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n\
                 dn: cn=ann,dc=example,dc=com\nobjectClass: person\ncn: ann\nsn: ann\nuserPassword: {password}\n"
            ),
        );
        let load = self.at("sh AT/inside.sh slapadd -f AT/slapd.conf -l AT/people.ldif");
        must(&format!("ip netns exec {} {load}", self.net.server));
        let urls = ["ldap://10.77.0.23/", "ldaps://10.77.0.23/"].join(" ");
        let (inside, config) = (self.at("AT/inside.sh"), self.at("AT/slapd.conf"));
        let words = ["sh", &inside, "slapd", "-d", "stats", "-f", &config, "-h", &urls];
        self.net.serve_words(&words, "slapd.log");
    }

    /// Telnet, with the log-in of the system.
    fn shell(&mut self) {
        self.serve("python3 AT/inetd.py 10.77.0.24 23 telnetd -E /bin/login", "telnet.log");
    }

    /// What the servers said, for who looks why one does not answer.
    pub fn logs(&self) -> String {
        run(&self.at("tail -n 5 AT/vsftpd.log AT/exim.log AT/dovecot.log AT/slapd.log AT/telnet.log")).1
    }
}
