import Foundation

/// Where the spread of a measure comes from: training again with another seed, or drawing other images.
///
/// Estimated from configurations with several seeds whose images were drawn from the same prompts and noise:
/// a two-way layout of jobs and images without repetition, whose mean squares are set equal to their
/// expectations (Searle, Casella, McCulloch: Variance Components, 1992, chapter 4), pooled over
/// configurations.
package struct SpreadBySource: Equatable, Sendable {
    /// Standard deviation of a job's value from training seed to training seed, for the same images.
    package var trainingSeed: Double
    /// Standard error that comes from having drawn these prompts and this noise, and no others; all jobs
    /// share it.
    package var images: Double
    /// Standard error of what images do differently from job to job.
    package var rest: Double
    /// Images behind a job's value.
    package var imageCount: Int
    /// Degrees of freedom of the training seeds' spread.
    package var degrees: Int

    /// - Parameter tables: one a configuration; a row a job with the values of its images, all rows equally
    ///   long.
    /// - Returns: nil without a configuration of two jobs and two images.
    package init?(_ tables: [[[Double]]]) {
        var (jobSquares, jobDegrees, imageSquares, imageDegrees) = (0.0, 0, 0.0, 0)
        var (restSquares, restDegrees, jobs, images, usable) = (0.0, 0, 0, 0, 0)
        for table in tables {
            guard let count = table.first?.count, table.count > 1, count > 1,
                table.allSatisfy({ $0.count == count && $0.allSatisfy(\.isFinite) })
            else { continue }
            let rows = table.map { $0.reduce(0, +) / Double(count) }
            let columns = (0..<count).map { image in table.reduce(0) { $0 + $1[image] } / Double(table.count) }
            let grand = rows.reduce(0, +) / Double(rows.count)
            jobSquares += Double(count) * rows.reduce(0) { $0 + ($1 - grand) * ($1 - grand) }
            imageSquares += Double(table.count) * columns.reduce(0) { $0 + ($1 - grand) * ($1 - grand) }
            for (row, values) in zip(rows, table) {
                for (column, value) in zip(columns, values) {
                    let left = value - row - column + grand
                    restSquares += left * left
                }
            }
            jobDegrees += table.count - 1
            imageDegrees += count - 1
            restDegrees += (table.count - 1) * (count - 1)
            jobs += table.count
            images += count
            usable += 1
        }
        guard usable > 0 else { return nil }
        let (perTable, count) = (Double(jobs) / Double(usable), Double(images) / Double(usable))
        let restVariance = restSquares / Double(restDegrees)
        trainingSeed = (max(0, jobSquares / Double(jobDegrees) - restVariance) / count).squareRoot()
        self.images = (max(0, imageSquares / Double(imageDegrees) - restVariance) / perTable / count).squareRoot()
        rest = (restVariance / count).squareRoot()
        imageCount = Int(count.rounded())
        degrees = jobDegrees
    }
}

/// Intervals of a mean of images, by drawing prompts again with replacement (Efron 1979, percentiles). Images
/// of one prompt go together. Only for images: a bootstrap over two or three training seeds covers nothing.
package enum PromptBootstrap {
    /// - Parameters:
    ///   - prompts: which prompt each value belongs to.
    /// - Returns: nil for fewer than two prompts.
    package static func interval(
        _ values: [Double], prompts: [Int], confidence: Double = Estimate.confidence, resamples: Int = 2000
    ) -> (low: Double, high: Double)? {
        precondition(values.count == prompts.count, "\(values.count) values of \(prompts.count) prompts")
        let groups = Dictionary(grouping: values.indices, by: { prompts[$0] }).sorted { $0.key < $1.key }
            .map { (sum: $0.value.reduce(0) { $0 + values[$1] }, count: $0.value.count) }
        guard groups.count > 1 else { return nil }
        var stream = CounterStream(UInt64(values.count))
        let means = (0..<resamples).map { _ -> Double in
            var (sum, count) = (0.0, 0)
            for _ in groups.indices {
                let group = groups[stream.index(below: groups.count)]
                sum += group.sum
                count += group.count
            }
            return sum / Double(count)
        }.sorted()
        func at(_ p: Double) -> Double { means[min(Int(p * Double(resamples)), resamples - 1)] }
        return (at((1 - confidence) / 2), at((1 + confidence) / 2))
    }
}
