<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Devices that are one by what people say: phones that make up addresses, laptops
// by cable and by air. Rows keep the address that they had; here they are put together.

/**
 * The parts of other devices.
 *
 * @return array<string, string> device => the one that it is part of
 */
function partsOfDevices(Db $db): array
{
    static $parts = null;
    if ($parts === null) {
        $parts = [];
        foreach ($db->each('SELECT device, part_of FROM label WHERE part_of IS NOT NULL') as $row) {
            $parts[(string) $row['device']] = (string) $row['part_of'];
        }
    }
    return $parts;
}

/**
 * A device and those that are it too.
 *
 * @return list<string>
 */
function sameDevices(Db $db, string $device): array
{
    return [$device, ...array_map(strval(...), array_keys(partsOfDevices($db), $device, true))];
}
