/// The Sobol sequence: points that fill a cube evenly. 32 bits, Gray-code order, the first point at the
/// origin.
///
/// - SeeAlso: Antonov and Saleev, "An economic method of computing LPτ-sequences", USSR Comput. Math. 19
///   (1979); direction numbers of Joe and Kuo, "Constructing Sobol sequences with better two-dimensional
///   projections", SIAM J. Sci. Comput. 30 (2008), set new-joe-kuo-6.21201.
struct SobolSequence {
    static let largestDimension = polynomials.count

    /// One direction number per bit, highest first, for each dimension.
    private let directions: [[UInt64]]
    private var current: [UInt64]
    private var index: UInt64 = 0

    /// - Precondition: at most `largestDimension` dimensions.
    init(dimension: Int) {
        precondition(dimension <= Self.largestDimension, "\(dimension) dimensions")
        directions = (0..<dimension).map(Self.directions(dimension:))
        current = Array(repeating: 0, count: dimension)
    }

    /// The next point, 32 bits a coordinate.
    mutating func next() -> [UInt64] {
        defer {
            // The lowest zero bit of the index is the one bit that the next Gray code changes.
            let bit = (~index).trailingZeroBitCount
            for dimension in current.indices where bit < 32 { current[dimension] ^= directions[dimension][bit] }
            index += 1
        }
        return current
    }

    private static func directions(dimension: Int) -> [UInt64] {
        let (polynomial, initial) = polynomials[dimension]
        if initial.isEmpty { return (0..<32).map { 1 << UInt64(31 - $0) } }
        let degree = initial.count
        var numbers = initial
        for k in degree..<32 {
            var number = numbers[k - degree] ^ (numbers[k - degree] << UInt64(degree))
            for j in 1..<max(degree, 1) where polynomial >> UInt64(degree - j) & 1 == 1 {
                number ^= numbers[k - j] << UInt64(j)
            }
            numbers.append(number)
        }
        return numbers.enumerated().map { $1 << UInt64(31 - $0) }
    }

    /// A primitive polynomial over GF(2), its bits from the highest power down, and the initial direction
    /// numbers, one per degree. The first dimension (the van der Corput sequence) needs none.
    private static let polynomials: [(polynomial: UInt64, initial: [UInt64])] = [
        (1, []),
        (3, [1]),
        (7, [1, 3]),
        (11, [1, 3, 1]),
        (13, [1, 1, 1]),
        (19, [1, 1, 3, 3]),
        (25, [1, 3, 5, 13]),
        (37, [1, 1, 5, 5, 17]),
        (41, [1, 1, 5, 5, 5]),
        (47, [1, 1, 7, 11, 19]),
        (55, [1, 1, 5, 1, 1]),
        (59, [1, 1, 1, 3, 11]),
        (61, [1, 3, 5, 5, 31]),
        (67, [1, 3, 3, 9, 7, 49]),
        (91, [1, 1, 1, 15, 21, 21]),
        (97, [1, 3, 1, 13, 27, 49]),
        (103, [1, 1, 1, 15, 7, 5]),
        (109, [1, 3, 1, 15, 13, 25]),
        (115, [1, 1, 5, 5, 19, 61]),
        (131, [1, 3, 7, 11, 23, 15, 103]),
        (137, [1, 3, 7, 13, 13, 15, 69]),
        (143, [1, 1, 3, 13, 7, 35, 63]),
        (145, [1, 3, 5, 9, 1, 25, 53]),
        (157, [1, 3, 1, 13, 9, 35, 107]),
        (167, [1, 3, 1, 5, 27, 61, 31]),
        (171, [1, 1, 5, 11, 19, 41, 61]),
        (185, [1, 3, 5, 3, 3, 13, 69]),
        (191, [1, 1, 7, 13, 1, 19, 1]),
        (193, [1, 3, 7, 5, 13, 19, 59]),
        (203, [1, 1, 3, 9, 25, 29, 41]),
        (211, [1, 3, 5, 13, 23, 1, 55]),
        (213, [1, 3, 7, 3, 13, 59, 17]),
    ]
}
