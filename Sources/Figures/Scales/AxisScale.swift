/// Turns values into places along one direction of a drawing.
package protocol AxisScale: Sendable {
    /// In the units of the drawing. Values outside of the scale lie outside of its range.
    func position(_ value: Double) -> Double
    /// Round values within the scale, in increasing order: at most `count`, but never fewer than are needed
    /// to read it where there are any.
    func ticks(_ count: Int) -> [AxisTick]
}

/// A marked value of an axis.
package struct AxisTick: Equatable, Sendable {
    package var value: Double
    package var text: String

    package init(value: Double, text: String) {
        self.value = value
        self.text = text
    }
}

/// What an axis shows, before its length is known.
package struct Axis: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case linear
        /// For values above 0 only.
        case logarithmic
        /// Value `i` is the name at index `i`.
        case categories([String])
    }

    package var title: String
    package var kind: Kind
    /// Values to mark in place of round ones, where they have room.
    package var marks: [Double]

    package init(_ title: String, kind: Kind = .linear, marks: [Double] = []) {
        self.title = title
        self.kind = kind
        self.marks = marks
    }

    /// The scale that holds all values, from `start` to `end` in the drawing.
    ///
    /// - Parameter isRounded: whether linear scales end at round values.
    func scale(_ values: some Sequence<Double>, from start: Double, to end: Double, isRounded: Bool = true)
        -> any AxisScale
    {
        switch kind {
        case .linear:
            let scale = LinearScale(holding: values, start: start, end: end)
            return isRounded ? scale.rounded(5) : scale
        case .logarithmic:
            return LogScale(holding: values, start: start, end: end)
        case .categories(let names):
            return CategoryScale(names: names, start: start, end: end)
        }
    }
}
