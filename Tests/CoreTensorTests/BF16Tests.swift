import CKernels
import CoreTensor
import Testing

/// Products with operands rounded to bf16.
struct BF16Tests {
    private static let kernels = [CK_BF16_EMULATED, CK_BF16_PAIRS, CK_BF16_AMX].map(Int32.init)
        .filter { ck_bf16_has($0) != 0 }
    private static let hasPairs = ck_bf16_has(Int32(CK_BF16_PAIRS)) != 0

    /// Bits of every kind: any, near 1, near the smallest and the largest, zeros, infinities, NaNs.
    private struct Bits {
        var stream = RandomStream(seed: 3, purpose: "bf16 bits")

        mutating func next() -> UInt32 { UInt32(stream.integer(below: 1 << 32)) }

        /// An f32 whose exponent is one of the chosen kind.
        mutating func float() -> UInt32 {
            let (word, kind) = (next(), next() % 8)
            let exponents: [UInt32] = [120 + word % 16, word % 4, 252 + word % 4, 50 + word % 30, 255, 0, 127]
            return kind == 7 ? word : (word & 0x807F_FFFF) | exponents[Int(kind)] << 23
        }
    }

    @Test("the emulation is VDPBF16PS to the bit, denormals and NaNs included", .enabled(if: hasPairs))
    func emulation() {
        var random = Bits()
        let count = 1 << 16
        for _ in 0..<60 {
            let a = (0..<count).map { _ in (random.float() & 0xFFFF_0000) | random.float() >> 16 }
            let b = (0..<count).map { _ in (random.float() & 0xFFFF_0000) | random.float() >> 16 }
            // A part of the sums nearly cancels the first product.
            let sums = (0..<count).map { i in
                let product =
                    Float(bitPattern: a[i] & 0xFFFF_0000) * Float(bitPattern: b[i] & 0xFFFF_0000)
                return i % 4 == 0 ? (-product).bitPattern ^ UInt32(i / 4 % 4) : random.float()
            }
            var (found, wanted) = (sums, sums)
            ck_bf16_emulated_pairs(count, a, b, &found)
            ck_bf16_pairs(count, a, b, &wanted)
            #expect(found == wanted)
        }
    }

    @Test(
        "rounding takes the nearest bf16, the even one of two; denormals become zeros, NaNs quiet", arguments: kernels)
    func rounding(kernel: Int32) {
        var random = Bits()
        var values: [UInt32] = (0..<100_000).map { _ in random.float() }
        // Ties, and their neighbours.
        values += (0..<30_000).map { _ in (random.float() & 0xFFFF_0000) | (0x7FFF + random.next() % 3) }
        var found = [UInt16](repeating: 0, count: values.count)
        ck_bf16_narrow(kernel, values.count, values.map(Float.init(bitPattern:)), &found)
        #expect(zip(values, found).allSatisfy { Self.rounded($0) == $1 })
    }

    /// The nearest of the two neighbours, by their distance in f64.
    private static func rounded(_ bits: UInt32) -> UInt16 {
        let value = Float(bitPattern: bits)
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        if value.isInfinite || value == 0 { return UInt16(bits >> 16) }
        if value.isSubnormal { return value.sign == .minus ? 0x8000 : 0 }
        let below = bits & 0xFFFF_0000
        let low = Double(Float(bitPattern: below))
        // Behind the largest bf16 comes infinity, in whose place 2¹²⁸ decides.
        let above = Float(bitPattern: below + 0x1_0000)
        let high = above.isInfinite ? (above > 0 ? 0x1p128 : -0x1p128) : Double(above)
        let (down, up) = (abs(Double(value) - low), abs(high - Double(value)))
        let upwards = up < down || (up == down && (below >> 16) & 1 == 1)
        return UInt16((upwards ? below + 0x1_0000 : below) >> 16)
    }

    @Test("products are the f64 sums of rounded operands", arguments: kernels)
    func products(kernel: Int32) {
        for (rows, columns, depth) in [(1, 1, 1), (5, 7, 3), (33, 65, 100), (77, 300, 768), (48, 530, 513)] {
            var random = RandomStream(seed: 5, purpose: "bf16 \(rows) \(columns) \(depth)")
            func tensor(_ shape: [Int]) -> [Float] {
                let tensor = Tensor(uninitialized: shape)
                random.fillNormal(tensor)
                return tensor.values
            }
            let (a, b) = (tensor([rows, depth]), tensor([columns, depth]))
            let (add, bias) = (tensor([rows, columns]), tensor([columns]))
            let turned = (0..<depth * columns).map { b[$0 % columns * depth + $0 / columns] }
            var wanted = [Float](repeating: 0, count: rows * columns)
            let (narrowA, narrowB) = (a.map(Self.value), b.map(Self.value))
            for i in 0..<rows {
                for j in 0..<columns {
                    let sum = (0..<depth).reduce(0.0) { $0 + narrowA[i * depth + $1] * narrowB[j * depth + $1] }
                    wanted[i * columns + j] = Float(sum + Double(add[i * columns + j]) + Double(bias[j]))
                }
            }
            for isTurned in [false, true] {
                let found = multiply(
                    kernel, (rows, columns, depth), a, isTurned ? turned : b, isTurned: isTurned, add: add, bias: bias)
                #expect(deviation(Tensor(found, [rows, columns]), Tensor(wanted, [rows, columns])) < 2e-6)
            }
        }
    }

    private static func value(_ x: Float) -> Double {
        Double(Float(bitPattern: UInt32(rounded(x.bitPattern)) << 16))
    }

    /// a [rows, depth] by b [columns, depth], or b [depth, columns] where it is turned.
    private func multiply(
        _ kernel: Int32, _ size: (rows: Int, columns: Int, depth: Int), _ a: [Float], _ b: [Float], isTurned: Bool,
        add: [Float]? = nil, bias: [Float]? = nil
    ) -> [Float] {
        var c = [Float](repeating: .nan, count: size.rows * size.columns)
        c.withUnsafeMutableBufferPointer { c in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    guard let left = a.baseAddress, let right = b.baseAddress, let result = c.baseAddress else {
                        return
                    }
                    func run(_ add: UnsafePointer<Float>?, _ bias: UnsafePointer<Float>?) {
                        var product = CKProduct(
                            columns: size.columns, taps: 1, depth: size.depth, a: left, aNarrow: nil,
                            aStride: size.depth, pixels: nil, b: right, bHalf: nil, bPacked: nil, bPanels: nil,
                            bTaps: nil,
                            bDepthStride: isTurned ? size.columns : 1, bColumnStride: isTurned ? 1 : size.depth,
                            c: result, cStride: size.columns, add: add, bias: bias)
                        ck_bf16_product(kernel, &product, 0, size.rows, 0, size.columns)
                    }
                    if let add, let bias { run(add, bias) } else { run(nil, nil) }
                }
            }
        }
        return c
    }

    @Test("whole products of random bits are the same by instruction and emulation", .enabled(if: hasPairs))
    func wholeProducts() {
        var random = Bits()
        let (rows, columns, depth) = (70, 90, 130)
        for _ in 0..<20 {
            let a = (0..<rows * depth).map { _ in Float(bitPattern: random.float()) }
            let b = (0..<columns * depth).map { _ in Float(bitPattern: random.float()) }
            let results = [CK_BF16_EMULATED, CK_BF16_PAIRS].map {
                multiply(Int32($0), (rows, columns, depth), a, b, isTurned: false).map(\.bitPattern)
            }
            #expect(results[0] == results[1])
        }
    }
}
