import ImageFiles

/// Measures what a checkpoint draws by one thing that sees: an encoder, or pixels alone. Made once, with all
/// that does not depend on the adapter.
protocol SubjectMeasure {
    /// - Parameter drawn: the images of every subject, in the subjects' order.
    /// - Returns: the metrics of every subject, under the names that rows have.
    /// - Throws: what loading weights throws.
    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]]
}
