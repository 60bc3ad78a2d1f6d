use super::*;

const NOW: Time = Time::from_secs(1_000_000);

fn place(n: u8, port: u16) -> Place {
    Place { proto: proto::TCP, ip: [192, 168, 1, n].into(), port }
}

fn services(deep: bool, max: usize) -> Services {
    Services::new(Options { deep, max, ..Options::default() })
}

fn rows(services: &mut Services, now: Time) -> Vec<record::Service> {
    let mut out = Vec::new();
    services.report(now, |_| None, &mut out);
    let row = |record| if let Record::Service(row) = record { *row } else { panic!() };
    out.into_iter().map(row).collect()
}

fn named(name: &str, version: &str) -> Product {
    Product { name: Some(name.into()), version: Some(version.into()), ..Product::default() }
}

fn exchange(uri: &str, server: &str) -> http::Exchange {
    http::Exchange {
        method: "GET".into(),
        uri: uri.into(),
        status: Some(200),
        content_type: Some("text/html".into()),
        server: Some(server.into()),
        ..http::Exchange::default()
    }
}

#[test]
fn a_row_is_written_for_news_and_again_after_a_while() {
    let mut services = services(false, 16);
    let at = |secs| NOW + Duration::from_secs(secs);
    let answered = |services: &mut Services, secs| {
        services.answered(place(1, 22), (at(secs), at(secs)), Some("ssh"), None, None);
    };
    answered(&mut services, 0);
    services.product(place(1, 22), named("dropbear", "2022.83"), NOW);
    let [row] = &rows(&mut services, at(60))[..] else { panic!() };
    assert_eq!((&*row.service, row.app_proto), ("tcp22@192.168.1.1", Some("ssh")));
    assert_eq!((row.product.as_deref(), row.version.as_deref()), (Some("dropbear"), Some("2022.83")));
    answered(&mut services, 100);
    services.product(place(1, 22), named("dropbear", "2022.83"), at(100));
    assert_eq!(rows(&mut services, at(120)), [], "nothing new");
    services.product(place(1, 22), named("dropbear", "2024.85"), at(200));
    assert_eq!(rows(&mut services, at(240)).len(), 1, "another version");
    assert_eq!(rows(&mut services, at(9_000)), [], "it was not seen since");
    answered(&mut services, 9_100);
    let [row] = &rows(&mut services, at(9_120))[..] else { panic!() };
    assert_eq!((row.first, row.last), (NOW, at(9_100)));
}

#[test]
fn a_banner_names_its_program() {
    let mut services = services(false, 16);
    let banner = Product { banner: Some("220 (vsFTPd 3.0.3)\r\n\x1b[2J".into()), ..Product::default() };
    services.product(place(1, 21), banner, NOW);
    let [row] = &rows(&mut services, NOW)[..] else { panic!() };
    assert_eq!((row.product.as_deref(), row.version.as_deref()), (Some("vsFTPd"), Some("3.0.3")));
    assert!(!row.banner.as_ref().unwrap().contains('\x1b'));
}

#[test]
fn the_first_answer_of_http_says_what_is_there_without_the_query() {
    let mut services = services(false, 16);
    services.exchange(place(1, 8080), &exchange("/admin?token=hunter2", "lighttpd/1.4.71"), NOW);
    services.exchange(place(1, 8080), &exchange("/other", "lighttpd/1.4.71"), NOW);
    services.body(place(2, 80), b"<title>x</title>", NOW);
    let all = rows(&mut services, NOW);
    assert!(!format!("{all:?}").contains("hunter"));
    assert_eq!(all[0].url.as_deref(), Some("http://192.168.1.1:8080/admin"));
    assert_eq!((all[0].code, all[0].content_type.as_deref()), (Some(200), Some("text/html")));
    assert_eq!(all[0].product.as_deref(), Some("lighttpd"));
    assert_eq!(all[1].title.as_deref(), Some("x"));
}

#[test]
fn a_page_that_is_there_counts_more_than_one_that_is_not() {
    let mut services = services(true, 16);
    let missing = http::Exchange { status: Some(404), ..exchange("/favicon.ico", "lighttpd") };
    services.exchange(place(1, 80), &missing, NOW);
    services.body(place(1, 80), b"not here", NOW);
    services.exchange(place(1, 80), &exchange("/", "lighttpd"), NOW);
    assert!(services.wants_body(place(1, 80)), "the other was not its own");
    services.body(place(1, 80), b"hello", NOW);
    services.exchange(place(1, 80), &missing, NOW);
    services.exchange(place(1, 80), &exchange("/second", "lighttpd"), NOW);
    let [row] = &rows(&mut services, NOW)[..] else { panic!() };
    assert_eq!((row.code, row.url.as_deref()), (Some(200), Some("http://192.168.1.1/")));
    assert_eq!(row.body.as_deref(), Some("hello"));
}

#[test]
fn bodies_are_wanted_once_and_only_where_asked_for() {
    assert!(!services(false, 16).wants_body(place(1, 80)));
    let mut services = services(true, 16);
    assert!(services.wants_body(place(1, 80)));
    services.body(place(1, 80), b"<title>Camera</title>\x1b[2J", NOW);
    assert!(!services.wants_body(place(1, 80)));
    let [row] = &rows(&mut services, NOW)[..] else { panic!() };
    assert_eq!(row.body.as_deref(), Some("<title>Camera</title> [2J"));
}

#[test]
fn a_greeting_is_hex_and_a_banner_where_it_is_text() {
    let mut services = services(true, 16);
    services.greeting(place(1, 25), b"220 hi\r\n", NOW);
    services.greeting(place(1, 25), b"220 another\r\n", NOW);
    services.greeting(place(2, 99), &[0x4a, 0, 0, 0, 10], NOW);
    let all = rows(&mut services, NOW);
    assert_eq!(
        (all[0].data.as_deref(), all[0].banner.as_deref()),
        (Some("3232302068690d0a"), Some("220 hi"))
    );
    assert_eq!((all[1].data.as_deref(), &all[1].banner), (Some("4a0000000a"), &None));
}

#[test]
fn of_too_many_the_one_silent_longest_goes_and_its_row_stays() {
    let mut services = services(false, 16);
    for n in 0..40 {
        services.product(place(n, 22), named("x", "1.0"), NOW + Duration::from_secs(n.into()));
    }
    assert_eq!((services.len(), services.forgotten()), (16, 24));
    assert_eq!(rows(&mut services, NOW + Duration::from_secs(60)).len(), 40);
    let mut out = Vec::new();
    services.finish(|_| None, &mut out);
    assert_eq!(out, [], "nothing is new");
}

#[test]
fn the_longest_address_fits_the_key() {
    let ip = "1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap();
    let row = row(Place { proto: proto::UDP, ip, port: 65_535 }, NOW);
    assert!(row.service.ends_with(":8888"));
}
