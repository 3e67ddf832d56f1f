/// One tensor of a file.
package struct SafetensorsEntry: Equatable, Sendable {
    package let dtype: SafetensorsType
    package let shape: [Int]
    /// Bytes, counted from the start of the data.
    let offsets: Range<Int>

    /// Bytes in the file.
    package var bytes: Int { offsets.count }

    package var count: Int { shape.product }
}
