/// Names that people try first. A miniature trained for minutes learns a few names well or many badly; most
/// of the generator's samples show these.
enum PretrainEverydayNames {
    static let all: Set<String> = [
        "grinning face", "smiling face with sunglasses", "winking face", "crying face", "angry face", "sleepy face",
        "neutral face", "nerd face", "clown face", "robot", "alien", "ghost", "poop", "dog face", "bear face",
        "frog face",
        "pig face", "monkey face", "rabbit face", "tiger face", "lion face", "fox face", "cow face", "cat", "octopus",
        "fish",
        "tropical fish", "butterfly", "owl", "turtle", "snail", "whale", "baby chick", "crab", "lady beetle",
        "red heart",
        "blue heart", "green heart", "yellow heart", "broken heart", "pizza", "red apple", "green apple", "banana",
        "strawberry", "watermelon", "tomato", "lemon", "tangerine", "cherries", "hamburger", "donut", "birthday cake",
        "sunflower", "rose", "tulip", "mushroom", "cactus", "palm tree", "evergreen tree", "sun", "cloud", "rainbow",
        "rocket", "car", "bus", "bicycle", "house", "umbrella", "balloon", "gift box", "basketball and hoop",
        "light bulb",
        "fire", "crown", "key", "camera", "printer", "television", "mobile phone",
    ]
}
