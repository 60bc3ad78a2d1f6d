use super::super::Config;
use super::*;
use std::path::Path;

fn outs(text: &str) -> Result<Vec<Out>, Vec<String>> {
    let config = Config::parse(text, Path::new("/etc/weir"));
    config.map(|config| config.outs).map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

#[test]
fn outs_are_read_as_the_example_has_them() {
    let lines = EXAMPLE.lines().filter_map(|line| line.strip_prefix("# "));
    let text: Vec<&str> = lines.filter(|line| line.starts_with('[') || line.contains(" = ")).collect();
    let read = outs(&text.join("\n")).unwrap();
    let names: Vec<&str> = read.iter().map(|out| &*out.name).collect();
    assert_eq!(names, ["log", "siem", "assets", "influx", "home", "flows"]);
    // All but types, transport, form, status, secrets and QoS are what they are anyway.
    let short = outs(
        "[[out]]\nname = \"log\"\nkind = \"eve\"\npath = \"/tmp/weir/eve.json\"\n\
         types = [\"flow\", \"dns\", \"alert\"]\n\
         [[out]]\nname = \"siem\"\nkind = \"syslog\"\nserver = \"192.0.2.1:514\"\ntransport = \"tcp\"\n\
         [[out]]\nname = \"assets\"\nkind = \"syslog\"\nserver = \"192.0.2.1:514\"\nform = \"asset\"\n\
         status = [200, 401, \"5xx\"]\ntypes = [\"!image/*\", \"!video/*\"]\n\
         [[out]]\nname = \"influx\"\nkind = \"influx\"\nurl = \"http://192.0.2.1:8086/\"\norg = \"home\"\n\
         bucket = \"weir\"\ntoken_file = \"influx.token\"\n\
         [[out]]\nname = \"home\"\nkind = \"mqtt\"\nserver = \"192.0.2.1:1883\"\nuser = \"weir\"\n\
         password_file = \"mqtt.password\"\nqos = 1\n\
         [[out]]\nname = \"flows\"\nkind = \"ipfix\"\nserver = \"192.0.2.1:4739\"\n",
    );
    assert_eq!(short.unwrap(), read);
}

#[test]
fn paths_are_relative_to_the_file_but_for_standard_output() {
    let path = |text: &str| {
        let read = outs(&format!("[[out]]\nname = \"a\"\nkind = \"eve\"\npath = {text:?}")).unwrap();
        let Way::Eve(file) = &read[0].way else { panic!() };
        file.path.display().to_string()
    };
    assert_eq!((path("eve.json"), path("-")), ("/etc/weir/eve.json".into(), "-".into()));
}

#[test]
fn every_mistake_in_an_out_is_told_with_its_place() {
    let wrong = outs(
        "[[out]]\nname = \"a\"\nkind = \"syslog\"\nserver = \"here\"\nfacility = \"x\"\npath = \"x\"\n\
         [[out]]\nname = \"a\"\nkind = \"eve\"\ntypes = [\"flows\"]\npath = \"x\"\n\
         [[out]]\nname = \"a\"\nkind = \"ipfix\"\nserver = \"a:1\"\ndomain = -1\n\
         [[out]]\nkind = \"mqtt\"\nserver = \"::1:5\"\ntopic = \"a/#\"\npassword = \"a\"\npassword_file = \"b\"\n\
         [[out]]\nname = \"c\"\nkind = \"influx\"\nurl = \"https://a\"\n\
         [[out]]\nname = \"d\"\nkind = \"fax\"\n",
    )
    .unwrap_err();
    let begins = [
        "4:10: expected a server with its port like",
        "5:12: expected one of \"kern\", ",
        "6:1: unknown setting path in an [[out]] of kind syslog; there are name, kind, max_queue, server",
        "10:9: expected a list of \"flow\", ",
        "12:1: there is another out \"a\"",
        "16:10: expected a whole number from 0 to 4294967295 for domain",
        "17:1: expected password or password_file, not both",
        "17:1: this [[out]] needs a name",
        "19:10: expected a server with its port like",
        "20:9: expected a topic like",
        "26:7: expected a URL like",
        "29:8: expected one of \"eve\", \"syslog\", \"influx\", \"mqtt\", \"ipfix\" for kind",
    ];
    let told = wrong.join("\n");
    for begin in begins {
        assert!(wrong.iter().any(|line| line.starts_with(begin)), "{begin} is not in\n{told}");
    }
    assert_eq!(wrong.len(), begins.len(), "{told}");
    assert_eq!(outs("[out]\nname = \"a\"").unwrap_err(), ["1:2: expected [[out]], with double brackets"]);
    let long = format!("[[out]]\nname = {:?}\nkind = \"ipfix\"\nserver = \"a:1\"", "x".repeat(65));
    assert_eq!(outs(&long).unwrap_err(), ["2:8: expected a name of at most 64 characters for name"]);
    let none = outs("[[out]]\nname = \"a\"\nkind = \"influx\"\nurl = \"http://a\"").unwrap_err();
    assert!(none[0].contains("needs a bucket"), "{none:?}");
}

#[test]
fn nobody_reads_a_secret_out_of_the_settings() {
    let read =
        outs("[[out]]\nname = \"a\"\nkind = \"mqtt\"\nserver = \"a:1\"\nuser = \"u\"\npassword = \"hidden\"");
    assert!(!format!("{:?}", read.unwrap()).contains("hidden"));
}
