import Foundation

/// The noise levels that a sampler in σ space visits: σ = √((1 − ᾱ) / ᾱ), between timesteps by straight
/// lines.
struct NoiseLevels: Equatable, Sendable {
    /// Noisiest first.
    let times: [Float]
    /// One for each time, and 0 at the end.
    let sigmas: [Float]

    init(_ schedule: NoiseSchedule, times: [Double]) {
        let table = schedule.alphas.map { alpha -> Double in
            // Without any signal σ would be infinite; the reference puts this in its place.
            let alpha = alpha > 0 ? alpha : 0x1p-24
            return Double(((1 - alpha) / alpha).squareRoot())
        }
        self.times = times.map(Float.init)
        sigmas =
            times.map { time in
                let low = min(max(Int(time), 0), table.count - 1)
                let high = min(low + 1, table.count - 1)
                return Float(table[low] + (time - Double(low)) * (table[high] - table[low]))
            } + [0]
    }
}
