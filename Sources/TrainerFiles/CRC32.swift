/// CRC-32 of IEEE 802.3, as zlib and Ethernet have it.
enum CRC32 {
    static func of(_ bytes: [UInt8], _ range: Range<Int>, after start: UInt32 = 0) -> UInt32 {
        var crc = ~start
        for index in range { crc = table[Int((crc ^ UInt32(bytes[index])) & 0xFF)] ^ (crc >> 8) }
        return ~crc
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
}
