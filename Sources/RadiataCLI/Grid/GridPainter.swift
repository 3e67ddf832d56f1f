import CoreTools
import Foundation
import ImageFiles

/// Draws the images that a grid misses, and says how long it takes.
struct GridPainter {
    let drawing: GridDrawing
    /// Most images that may be drawn.
    let limit: Int

    /// - Throws: `CommandFailure` for more images than allowed; what drawing throws.
    func paint(_ content: GridContent) throws {
        let images = content.grid.places.compactMap { place -> GridImage? in
            if case .drawn(let image) = content.cells[place] { return image }
            return nil
        }
        let wanted = Set(images).count
        let missing = try drawing.missing(images)
        guard missing.count <= limit else {
            throw CommandFailure(
                .usage,
                "\(missing.count) images to draw, at most \(limit); name fewer values, or allow it with --limit \(missing.count)"
            )
        }
        let kept = wanted - missing.count
        guard !missing.isEmpty else {
            if kept > 0 { Console.note("all \(kept) images are here from before") }
            return
        }
        Console.note("drawing \(missing.count) images" + (kept > 0 ? "; \(kept) are here from before" : ""))
        let interrupt = InterruptHandler(notice: "stopped; what is drawn is kept: the same command goes on from here")
        defer { interrupt.cancel() }
        let clock = ContinuousClock()
        var last = clock.now
        var first: (at: ContinuousClock.Instant, done: Int)?
        try drawing.draw(missing, report: Console.note) { done, all in
            let now = clock.now
            let start = first ?? (now, done)
            // The first images pay for loading the base: the pace is that of the others.
            let pace = done > start.done ? (now - start.at) / (done - start.done) : (now - last) / done
            let rest = pace * (all - done)
            let text = "\(done) of \(all) images" + (done < all ? ", about \(Self.text(rest)) left" : "")
            if Console.isTerminal {
                Console.rewrite("\(Console.bar(done: Double(done) / Double(all))) \(text)")
                if done == all { Console.note("") }
            } else if first == nil || done == all || now - last > .seconds(20) {
                Console.note(text)
            } else {
                return
            }
            if first == nil { first = (now, done) }
            last = now
        }
    }

    private static func text(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        if seconds < 100 { return "\(seconds) s" }
        return seconds < 6000 ? "\((seconds + 30) / 60) min" : "\((seconds + 1800) / 3600) h"
    }
}
