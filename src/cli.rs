//! The command line.

mod export;
mod print;
#[cfg(feature = "desk")]
mod query;

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::daemon::print::Options;
use crate::daemon::tokens::TokenDo;

/// What `weir --help` prints.
pub const HELP: &str = "\
weir: who on the network talks to whom, through which app

  weir run    [-c FILE] [--json]            watch the network until SIGTERM or SIGINT; EVE JSON on stdout too
  weir read   [-c FILE] [--json] PCAP...    read captures into the store, or as EVE JSON on stdout
  weir check  [-c FILE] [--features FILE]   tell every mistake in config.toml and features.txt
  weir status [-c FILE] [--json]            what the running daemon counts
  weir policy test [-c FILE] [--since DATE] what the policies would have stopped, since 7days if nothing is said
  weir nft    [-c FILE] --print             the rules that heads need in nftables (see source in config.toml)
  weir nft    --remove                      take them away, where a daemon could not any more
  weir print  [-c FILE] [PCAP | -i NAME] [OPTION...]
                                            packets as a person reads them, of a capture or an
                                            interface; see below
  weir export [-c FILE] [--session ID] [--filter TEXT] [--since DATE]
                                            packets that the daemon keeps ([export] in config.toml),
                                            as pcapng on stdout
  weir query  [-c FILE] [WHERE] [QUERY] [--json | --csv | --count] [-n ROWS]
                                            rows of the database: sessions, dns, http, tls, logins,
                                            alerts, stops, devices, services or icmp; see below
  weir passwd [-c FILE] [--guest]           set the password that the pages ask for, or that of
                                            guests, who change nothing; an empty line takes theirs away
  weir token  [-c FILE] add NAME            make a token for a program that reads the API, and print it
  weir token  [-c FILE] list                tell which there are, and when they were last used
  weir token  [-c FILE] remove NAME         take one away
  weir door   [-c FILE]                     let people in to the pages where no daemon runs

  weir features lint [-c FILE] [FILE]       tell what in features.txt is hardly meant
  weir features test [-c FILE] PCAP...      what each line matches in captures, and what stays unnamed
  weir features import-oaf FILE             OpenAppFilter's feature.cfg as lines of features.txt
  weir features relabel [-c FILE] --since DATE
                                            name the sessions in the store again, since 2026-11-01,
                                            '2026-11-01 12:00:00' (UTC) or 7days

  weir threats check [-c FILE] FILE         what a threat list, or a folder of its files, is taken for
  weir threats test [-c FILE] WHAT          whether an address or a name is on the configured lists

Options of weir print:
  --filter TEXT       only frames that match (pcap-filter(7))
  --host ADDRESS, --port NUMBER
                      only packets from or to it; with --one-way from that host, to that port
  --hex, --text, --both
                      payloads as well
  --follow            what is said in conversations, each side's bytes in order
  --dns, --http       messages of DNS with all sections, requests and answers of HTTP
  --stats             packets and bytes of each address by minute
  Payloads and conversations are shown as they are: there may be passwords in them.
  What would be an order to a terminal is shown by its number. Times are UTC.

Queries of weir query, as in the search box of the pages (docs/QUERIES.md):
  weir query 'app:YouTube device:tablet dst:192.0.2.0/24 bytes>10M since:2d -dns'
  weir query dns 'rcode:NXDOMAIN host:*.example.com' -n 20

  -c, --config FILE   otherwise ./config.toml, /etc/weir/config.toml or the built-in defaults
  -h, --help          this text
  -V, --version       the version

Signals to weir run: HUP reloads both files and keeps the old ones when there is a
mistake in the new; TERM and INT write what goes on and end.
Exit codes: 0 done, 1 the input is wrong, 2 usage, 3 it failed at run time.
";

/// A command with its options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Run {
        config: Option<PathBuf>,
        json: bool,
    },
    Read {
        config: Option<PathBuf>,
        json: bool,
        paths: Vec<PathBuf>,
    },
    Check {
        config: Option<PathBuf>,
        features: Option<PathBuf>,
    },
    Status {
        config: Option<PathBuf>,
        json: bool,
    },
    Export {
        config: Option<PathBuf>,
        session: Option<i64>,
        filter: String,
        since: Option<String>,
    },
    Print {
        config: Option<PathBuf>,
        options: Box<Options>,
    },
    #[cfg(feature = "desk")]
    Query {
        config: Option<PathBuf>,
        options: Box<crate::daemon::query::Options>,
    },
    PolicyTest {
        config: Option<PathBuf>,
        since: String,
    },
    NftPrint {
        config: Option<PathBuf>,
    },
    NftRemove,
    Passwd {
        config: Option<PathBuf>,
        is_guest: bool,
    },
    Token {
        config: Option<PathBuf>,
        what: TokenDo,
    },
    Door {
        config: Option<PathBuf>,
    },
    Lint {
        config: Option<PathBuf>,
        file: Option<PathBuf>,
    },
    Test {
        config: Option<PathBuf>,
        paths: Vec<PathBuf>,
    },
    ImportOaf {
        file: PathBuf,
    },
    Relabel {
        config: Option<PathBuf>,
        since: String,
    },
    ThreatsCheck {
        config: Option<PathBuf>,
        file: PathBuf,
    },
    ThreatsTest {
        config: Option<PathBuf>,
        what: String,
    },
    Help,
    Version,
}

/// Reads the arguments behind the program's name, or says what is wrong.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    parse_with(lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
}

fn parse_with(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut name: Option<String> = None;
    let (mut config, mut features, mut json, mut paths) = (None, None, false, Vec::new());
    let (mut since, mut print, mut remove, mut is_guest) = (None, false, false, false);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Short('c') | Long("config") if name.as_deref() != Some("features import-oaf") => {
                config = Some(parser.value()?.into())
            }
            Long("features") if name.as_deref() == Some("check") => features = Some(parser.value()?.into()),
            Long("json") if matches!(name.as_deref(), Some("run" | "read" | "status")) => json = true,
            Long("print") if name.as_deref() == Some("nft") => print = true,
            Long("guest") if name.as_deref() == Some("passwd") => is_guest = true,
            Long("remove") if name.as_deref() == Some("nft") => remove = true,
            Long("since") if matches!(name.as_deref(), Some("features relabel" | "policy test")) => {
                since = Some(parser.value()?.string()?);
            }
            Value(value) if name.is_none() && value == "print" => return print::parse(&mut parser, config),
            #[cfg(feature = "desk")]
            Value(value) if name.is_none() && value == "query" => return query::parse(&mut parser, config),
            #[cfg(not(feature = "desk"))]
            Value(value) if name.is_none() && value == "query" => {
                return Err("weir query: this program was built without it (feature desk)".into());
            }
            Value(value) if name.is_none() && value == "export" => return export::parse(&mut parser, config),
            Value(value) if name.is_none() => name = Some(value.string()?),
            Value(value) if matches!(name.as_deref(), Some("features" | "policy" | "threats" | "token")) => {
                let second = value.string()?;
                name = name.map(|first| format!("{first} {second}"));
            }
            Value(value) if matches!(name.as_deref(), Some("read" | "features test")) => {
                paths.push(value.into());
            }
            Value(value)
                if paths.is_empty()
                    && matches!(
                        name.as_deref(),
                        Some(
                            "features lint"
                                | "features import-oaf"
                                | "threats check"
                                | "threats test"
                                | "token add"
                                | "token remove"
                        )
                    ) =>
            {
                paths.push(value.into());
            }
            other => return Err(other.unexpected()),
        }
    }
    match name.as_deref() {
        Some("run") => Ok(Command::Run { config, json }),
        Some("read") if paths.is_empty() => Err("read needs a capture file".into()),
        Some("read") => Ok(Command::Read { config, json, paths }),
        Some("check") => Ok(Command::Check { config, features }),
        Some("status") => Ok(Command::Status { config, json }),
        Some("policy test") => {
            Ok(Command::PolicyTest { config, since: since.unwrap_or_else(|| "7days".into()) })
        }
        Some("policy") => Err("policy needs test".into()),
        Some("nft") => match (print, remove) {
            (true, false) => Ok(Command::NftPrint { config }),
            (false, true) => Ok(Command::NftRemove),
            _ => Err("nft needs --print or --remove".into()),
        },
        Some("door") => Ok(Command::Door { config }),
        Some("passwd") => Ok(Command::Passwd { config, is_guest }),
        Some("token list") => Ok(Command::Token { config, what: TokenDo::List }),
        Some(verb @ ("token add" | "token remove")) => {
            let name = paths.pop().and_then(|name| name.into_os_string().into_string().ok());
            let name = name.ok_or_else(|| format!("{verb} needs a name"))?;
            let what = if verb == "token add" { TokenDo::Add(name) } else { TokenDo::Remove(name) };
            Ok(Command::Token { config, what })
        }
        Some("token") => Err("token needs add, list or remove".into()),
        Some("features lint") => Ok(Command::Lint { config, file: paths.pop() }),
        Some("features test") if paths.is_empty() => Err("features test needs a capture file".into()),
        Some("features test") => Ok(Command::Test { config, paths }),
        Some("features import-oaf") => match paths.pop() {
            Some(file) => Ok(Command::ImportOaf { file }),
            None => Err("features import-oaf needs a feature.cfg".into()),
        },
        Some("features relabel") => match since {
            Some(since) => Ok(Command::Relabel { config, since }),
            None => Err("features relabel needs --since".into()),
        },
        Some("threats check") => match paths.pop() {
            Some(file) => Ok(Command::ThreatsCheck { config, file }),
            None => Err("threats check needs a list".into()),
        },
        Some("threats test") => match paths.pop().and_then(|what| what.into_os_string().into_string().ok()) {
            Some(what) => Ok(Command::ThreatsTest { config, what }),
            None => Err("threats test needs an address or a name".into()),
        },
        Some("threats") => Err("threats needs check or test".into()),
        Some("features") => Err("features needs lint, test, import-oaf or relabel".into()),
        Some(other) => Err(format!("unknown command {other}").into()),
        None => Err("a command is missing".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::print::Dumped;

    fn words(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[cfg(feature = "desk")]
    #[test]
    fn a_query_is_what_is_no_option() {
        let Ok(Command::Query { config, options }) = words("query -c a.toml dns name:x -n 5 -dns --count")
        else {
            panic!();
        };
        assert_eq!((config, &*options.view, options.limit), (Some("a.toml".into()), "dns", Some(5)));
        assert_eq!(options.query, "name:x -dns");
        assert!(
            matches!(words("query -- --json"), Ok(Command::Query { options, .. }) if options.query == "--json")
        );
        for (line, message) in [
            ("query --fly", "invalid option '--fly'"),
            ("query x -n 0", "-n 0: expected a number from 1 to 10000000"),
            ("query -c", "missing argument for option '-c'"),
        ] {
            assert_eq!(words(line), Err(message.into()));
        }
    }

    #[cfg(not(feature = "desk"))]
    #[test]
    fn a_query_says_that_it_was_left_out() {
        assert!(words("query dns").unwrap_err().contains("without it"));
    }

    #[test]
    fn commands_take_their_options() {
        assert_eq!(words("run -c a.toml"), Ok(Command::Run { config: Some("a.toml".into()), json: false }));
        assert_eq!(words("run --json"), Ok(Command::Run { config: None, json: true }));
        let paths = vec!["a.pcap".into(), "b.pcap".into()];
        assert_eq!(words("read --json a.pcap b.pcap"), Ok(Command::Read { config: None, json: true, paths }));
        let features = Some("f.txt".into());
        assert_eq!(words("check --features f.txt"), Ok(Command::Check { config: None, features }));
        assert_eq!(words("status --json"), Ok(Command::Status { config: None, json: true }));
        let (config, since) = (None, "7days".to_owned());
        assert_eq!(words("policy test"), Ok(Command::PolicyTest { config, since }));
        let Ok(Command::Print { options, .. }) = words("print -i br-lan --host 192.0.2.1 --both --dns")
        else {
            panic!();
        };
        assert_eq!((options.interface.as_deref(), options.dns, options.http), (Some("br-lan"), true, false));
        assert_eq!((options.select.host, options.dump), (Some([192, 0, 2, 1].into()), Some(Dumped::Both)));
        assert_eq!(words("nft --print"), Ok(Command::NftPrint { config: None }));
        assert_eq!(words("nft --remove"), Ok(Command::NftRemove));
        let passwd = |config, is_guest| Ok(Command::Passwd { config, is_guest });
        assert_eq!(words("passwd -c a.toml"), passwd(Some("a.toml".into()), false));
        assert_eq!(words("passwd --guest"), passwd(None, true));
        let token = |what| Ok(Command::Token { config: None, what });
        assert_eq!(words("token add a"), token(TokenDo::Add("a".into())));
        assert_eq!(words("token remove a"), token(TokenDo::Remove("a".into())));
        assert_eq!(words("token list"), token(TokenDo::List));
        assert_eq!(words("door"), Ok(Command::Door { config: None }));
        let file = Some("f.txt".into());
        assert_eq!(words("features lint f.txt"), Ok(Command::Lint { config: None, file }));
        let paths = vec!["a.pcap".into(), "b.pcap".into()];
        assert_eq!(words("features test a.pcap b.pcap"), Ok(Command::Test { config: None, paths }));
        assert_eq!(words("features import-oaf f"), Ok(Command::ImportOaf { file: "f".into() }));
        let (config, since) = (Some("a.toml".into()), "7days".into());
        assert_eq!(words("features relabel -c a.toml --since 7days"), Ok(Command::Relabel { config, since }));
        let (config, file) = (None, "f.netset".into());
        assert_eq!(words("threats check f.netset"), Ok(Command::ThreatsCheck { config, file }));
        let (config, what) = (Some("a.toml".into()), "bad.example".into());
        assert_eq!(words("threats test -c a.toml bad.example"), Ok(Command::ThreatsTest { config, what }));
        assert_eq!(words("--version"), Ok(Command::Version));
        assert_eq!(words("run --help"), Ok(Command::Help));
    }

    #[test]
    fn a_slip_is_named() {
        for (line, says) in [
            ("", "a command is missing"),
            ("fly", "unknown command fly"),
            ("read", "read needs a capture file"),
            ("policy", "policy needs test"),
            ("policy fly", "unknown command policy fly"),
            ("nft", "nft needs --print or --remove"),
            ("nft --print --remove", "nft needs --print or --remove"),
            ("features", "features needs lint, test, import-oaf or relabel"),
            ("features fly", "unknown command features fly"),
            ("features lint a b", "unexpected argument \"b\""),
            ("features test", "features test needs a capture file"),
            ("features import-oaf", "features import-oaf needs a feature.cfg"),
            ("features relabel", "features relabel needs --since"),
            ("threats", "threats needs check or test"),
            ("threats check", "threats check needs a list"),
            ("threats test", "threats test needs an address or a name"),
            ("threats test a b", "unexpected argument \"b\""),
            ("read --since 7days", "invalid option '--since'"),
            ("check --json", "invalid option '--json'"),
            ("run eth0", "unexpected argument \"eth0\""),
            ("print a.pcap -i eth0", "print takes a file or an interface"),
            ("print --one-way", "--one-way needs --host or --port"),
            ("print a b", "unexpected argument \"b\""),
            ("token", "token needs add, list or remove"),
            ("token add", "token add needs a name"),
            ("token list a", "unexpected argument \"a\""),
            ("token fly", "unknown command token fly"),
            ("door --guest", "invalid option '--guest'"),
            ("export", "export needs --session, --filter or --since"),
            ("run -c", "missing argument for option '-c'"),
        ] {
            assert_eq!(words(line), Err(says.to_owned()), "{line}");
        }
    }
}
