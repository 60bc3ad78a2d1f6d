<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// TLS, QUIC and HTTP in EVE's words.

/** By the registry of TLS ExtensionType values (RFC 8447), as src/store/eve/web.rs has them. */
const EVE_EXTENSIONS = [
    0 => 'server_name', 1 => 'max_fragment_length', 5 => 'status_request', 10 => 'supported_groups', 11 => 'ec_point_formats',
    13 => 'signature_algorithms', 14 => 'use_srtp', 15 => 'heartbeat', 16 => 'alpn', 17 => 'status_request_v2',
    18 => 'signed_certificate_timestamp', 21 => 'padding', 22 => 'encrypt_then_mac', 23 => 'extended_master_secret',
    24 => 'token_binding', 27 => 'compress_certificate', 28 => 'record_size_limit', 34 => 'delegated_credentials',
    35 => 'session_ticket', 41 => 'pre_shared_key', 42 => 'early_data', 43 => 'supported_versions', 44 => 'cookie',
    45 => 'psk_key_exchange_modes', 47 => 'certificate_authorities', 49 => 'post_handshake_auth',
    50 => 'signature_algorithms_cert', 51 => 'key_share', 57 => 'quic_transport_parameters', 17513 => 'application_settings',
    17613 => 'application_settings', 65037 => 'encrypted_client_hello', 65281 => 'renegotiation_info',
];

/** @param array<string, float|string|null> $row */
function eveTls(array $row): array
{
    $isQuic = $row['kind'] === 'quic';
    $hash = static fn (?string $text): ?array => $text === null ? null : ['hash' => $text];
    // To the second and without a zone, as EVE writes the dates of certificates.
    $date = static fn (?float $time): ?string => $time === null ? null : substr(eveTime($time), 0, 19);
    return eveOf($row['kind'], $row) + [$row['kind'] => (object) eveKnown([
        'sni' => $row['sni'],
        // Of QUIC, EVE's version is that of QUIC itself.
        'version' => $row[$isQuic ? 'quic_version' : 'version'],
        'tls_version' => $isQuic ? $row['version'] : null,
        'version_offered' => $row['version_offered'],
        'client_alpns' => eveJson($row['alpn_offered']),
        'server_alpn' => $row['alpn'],
        'cipher' => $row['cipher'] === null ? null : sprintf('%04x', (int) $row['cipher']),
        'ja3' => $hash($row['ja3']),
        'ja3s' => $hash($row['ja3s']),
        'ja4' => $row['ja4'],
        'extensions' => $isQuic ? eveExtensions($row) : null,
        'ech' => [1 => 'grease', 2 => 'real'][(int) $row['ech']] ?? null,
        'session_resumed' => $row['resumed'] === 1.0 ? true : null,
        'subject' => $row['subject'],
        'issuerdn' => $row['issuer'],
        'subjectaltname' => eveJson($row['names']),
        'serial' => $row['serial'],
        'fingerprint' => $row['fingerprint'],
        'notbefore' => $date($row['not_before']),
        'notafter' => $date($row['not_after']),
    ])];
}

/**
 * The extensions of a hello, each with its name and what is known of its values.
 *
 * @param array<string, float|string|null> $row
 * @return ?list<array<string, mixed>>
 */
function eveExtensions(array $row): ?array
{
    $numbers = eveJson($row['extensions']);
    if (!is_array($numbers)) {
        return null;
    }
    return array_map(static fn (int $number): array => eveKnown([
        'name' => EVE_EXTENSIONS[$number] ?? null,
        'type' => $number,
        'values' => match ($number) {
            0 => $row['sni'] === null ? null : [$row['sni']],
            16 => eveJson($row['alpn_offered']),
            default => null,
        },
    ]), array_filter($numbers, is_int(...)));
}

/** @param array<string, float|string|null> $row */
function eveHttp(array $row): array
{
    return eveOf('http', $row) + ['http' => (object) eveKnown([
        'hostname' => $row['host'],
        'url' => $row['uri'],
        'http_user_agent' => $row['user_agent'],
        'http_content_type' => $row['content_type'],
        'http_refer' => $row['referer'],
        'http_method' => $row['method'],
        'protocol' => $row['version'],
        'status' => $row['status'],
        'length' => $row['response_length'],
        'request_length' => $row['request_length'],
        'server' => $row['server_name'],
    ])];
}
