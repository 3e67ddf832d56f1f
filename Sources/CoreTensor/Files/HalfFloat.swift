/// The 16-bit float formats of weight files, on raw bits.
package enum HalfFloat {
    /// The number that the bits of an IEEE half float stand for, exactly.
    package static func value(ofHalf bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let magnitude = UInt32(bits & 0x7FFF) << 13
        if magnitude >= 0x7C00 << 13 { return Float(bitPattern: sign | (magnitude + (224 << 23))) }
        // Exponents differ by 112; the product also makes normal numbers of subnormal halves.
        return Float(bitPattern: sign | (Float(bitPattern: magnitude) * 0x1p112).bitPattern)
    }

    /// Rounded to nearest, ties to even; beyond the range infinity.
    package static func half(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            // Subnormal: adding 0.5 leaves the rounded multiple of 2⁻²⁴ in the low bits.
            return sign | UInt16((Float(bitPattern: magnitude) + 0.5).bitPattern - Float(0.5).bitPattern)
        }
        let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1) - (112 << 23)
        return sign | UInt16(truncatingIfNeeded: rounded >> 13)
    }

    /// Rounded to nearest, ties to even; NaNs stay quiet NaNs.
    package static func brain(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }
}
