"""Texts in several languages for the programs that are run here, written for this purpose."""

SENTENCES = {
    "en": [
        "The ferry to the island leaves twice a day, but only when the sea is calm.",
        "My neighbour keeps bees on the roof and gives us a jar of honey every autumn.",
        "Nobody could say who had left the old piano in front of the town hall.",
        "The committee will publish its report on water prices before the end of the month.",
        "She repaired the radio with a paper clip and a great deal of patience.",
        "After the storm the children collected branches for the bonfire.",
        "Please bring your own cup, because the kitchen has only four of them.",
        "The museum has moved its collection of maps to a dry room upstairs.",
        "He ran the last kilometre in the rain and still finished second.",
        "Interest rates fell for the third time this year, the central bank said on Thursday.",
    ],
    "de": [
        "Der Zug hält heute nicht am kleinen Bahnhof hinter der Brücke.",
        "Meine Großmutter backt jeden Samstag ein Brot mit Kümmel und Salz.",
        "Im Rathaus wird über den neuen Radweg am Fluss gestritten.",
        "Wer den Schlüssel findet, soll ihn bitte im Büro abgeben.",
        "Die Katze schläft seit Stunden auf dem warmen Drucker.",
        "Nach dem Regen roch der Wald nach Moos und nassem Holz.",
        "Der Vortrag beginnt um acht, und danach gibt es eine Suppe.",
        "Ohne Brille kann ich die Schrift auf der Flasche nicht lesen.",
        "Die Werkstatt hat den Motor in drei Tagen wieder zum Laufen gebracht.",
        "Im Garten blühen die Tulpen früher als im vergangenen Jahr.",
    ],
    "fr": [
        "Le marché commence à six heures, quand la rue est encore vide.",
        "Ma sœur a peint la porte en bleu sans demander à personne.",
        "Le maire a promis de réparer le pont avant l'hiver prochain.",
        "On entend la mer depuis la fenêtre de la cuisine.",
        "Les enfants ont caché les clés du jardin sous une pierre.",
        "Il ne reste que deux places dans le train de nuit.",
        "Cette recette demande beaucoup de beurre et un peu de courage.",
        "Le professeur explique la leçon une deuxième fois, très lentement.",
        "Nous avons perdu la carte, mais trouvé un très bon café.",
        "La bibliothèque ferme plus tôt pendant les vacances d'été.",
    ],
    "es": [
        "El panadero abre la tienda antes de que salga el sol.",
        "Mi hermano guarda las herramientas en una caja muy vieja.",
        "La reunión de vecinos terminó sin ningún acuerdo sobre el ruido.",
        "Hace tanto calor que los perros duermen debajo de los coches.",
        "Nadie sabe quién plantó este limonero junto a la estación.",
        "El equipo perdió el partido en el último minuto.",
        "Para llegar al lago hay que caminar dos horas por el bosque.",
        "La abuela cuenta siempre la misma historia, pero cambia el final.",
        "Los precios del aceite han subido otra vez este mes.",
        "Compré un libro usado con notas escritas en los márgenes.",
    ],
    "it": [
        "La nonna prepara il sugo la domenica mattina con la finestra aperta.",
        "Il treno per la costa è in ritardo di venti minuti.",
        "Qualcuno ha lasciato una bicicletta rossa davanti alla scuola.",
        "Il sindaco vuole chiudere la piazza alle automobili.",
        "Ho dimenticato l'ombrello al bar vicino al mercato.",
        "I bambini giocano a pallone fino a quando diventa buio.",
        "Questo formaggio viene da una valle molto lontana.",
        "Mio zio aggiusta orologi da più di quarant'anni.",
        "Dopo la pioggia le strade erano piene di lumache.",
        "Il concerto comincia alle nove, ma le porte aprono prima.",
    ],
    "nl": [
        "De fiets staat al drie weken tegen dezelfde boom.",
        "Mijn buurvrouw leest elke avond hardop voor aan haar hond.",
        "Het schip kon door de mist de haven niet binnenvaren.",
        "Wie heeft het laatste stuk van de taart opgegeten?",
        "De gemeente wil de oude molen dit jaar laten opknappen.",
        "We hebben de hele middag gezocht naar een lekke leiding.",
        "In de winter ruikt het hele huis naar soep en natte jassen.",
        "De leraar schreef het antwoord met groen krijt op het bord.",
    ],
    "pl": [
        "Sąsiad codziennie rano karmi gołębie przed naszym domem.",
        "Pociąg do Gdańska odjeżdża z trzeciego peronu za pięć minut.",
        "Babcia schowała stare zdjęcia w pudełku po butach.",
        "Wczoraj w nocy wiatr przewrócił płot przy szkole.",
        "Nikt nie wie, dlaczego zegar na rynku się zatrzymał.",
        "Zupa jest jeszcze gorąca, więc poczekaj chwilę.",
        "Miasto chce posadzić lipy wzdłuż całej ulicy.",
        "Książka, której szukasz, leży na najwyższej półce.",
    ],
    "tr": [
        "Komşumuz her sabah balkonda çiçeklerini sular.",
        "Vapur bugün sis yüzünden yarım saat geç kalktı.",
        "Çocuklar okul bahçesinde büyük bir uçurtma yaptılar.",
        "Bu köprünün yapımı beklenenden daha uzun sürdü.",
        "Dedem eski saatleri tamir etmeyi çok severdi.",
        "Yarın yağmur yağacağı için pikniği erteledik.",
        "Pazarda domates fiyatları geçen haftaya göre düştü.",
        "Kütüphanede sessiz olmak herkesin görevidir.",
    ],
    "ru": [
        "Поезд пришёл на станцию на десять минут раньше.",
        "Бабушка хранит письма в деревянной коробке под кроватью.",
        "Вечером мы долго искали ключи от старого сарая.",
        "Город решил отремонтировать мост через реку весной.",
        "Кошка спит на подоконнике и не слышит дождя.",
        "Учитель попросил нас прочитать рассказ до конца недели.",
        "На рынке сегодня продают свежие яблоки и мёд.",
        "Никто не помнит, кто посадил эту яблоню у дороги.",
    ],
    "uk": [
        "Сусід щоранку поливає квіти біля нашого під'їзду.",
        "Потяг до Львова вирушає з другої колії за годину.",
        "Бабуся пече пиріг із вишнями щонеділі.",
        "Діти знайшли їжака під купою сухого листя.",
        "Місто планує відкрити нову бібліотеку восени.",
        "Учора ввечері в усьому будинку зникло світло.",
    ],
    "ar": [
        "وصل القطار إلى المحطة قبل موعده بعشر دقائق.",
        "تخبز جدتي الخبز كل يوم جمعة في الفرن القديم.",
        "نسيت مظلتي في المقهى القريب من السوق.",
        "قررت المدينة إصلاح الجسر قبل بداية الشتاء.",
        "يلعب الأطفال بالكرة في الشارع حتى المساء.",
        "لا أحد يعرف من زرع شجرة الليمون هذه.",
    ],
    "he": [
        "הרכבת הגיעה לתחנה עשר דקות לפני הזמן.",
        "סבתא שלי אופה לחם בכל יום שישי בבוקר.",
        "שכחתי את המטרייה בבית הקפה ליד השוק.",
        "העירייה תתקן את הגשר לפני החורף.",
        "הילדים משחקים בכדור ברחוב עד הערב.",
    ],
    "hi": [
        "रेलगाड़ी आज दस मिनट पहले स्टेशन पर पहुँच गई।",
        "मेरी दादी हर रविवार को मीठी रोटी बनाती हैं।",
        "बारिश के बाद बच्चे आँगन में नाव चला रहे थे।",
        "नगर निगम ने पुराने पुल की मरम्मत शुरू कर दी है।",
        "कल रात तेज़ हवा से पेड़ की डाल टूट गई।",
    ],
    "zh": [
        "今天早上的火车比平时早到了十分钟。",
        "邻居在屋顶上养蜂，每年秋天都送我们一罐蜂蜜。",
        "市政府决定在冬天之前修好河上的旧桥。",
        "雨停了以后，孩子们在院子里放纸船。",
        "没有人知道这棵柠檬树是谁种的。",
        "图书馆暑假期间会提前一个小时关门。",
        "央行周四表示，今年第三次下调利率。",
        "奶奶每个星期天都会做一大锅面条。",
    ],
    "ja": [
        "今朝の電車はいつもより十分早く着きました。",
        "祖母は毎週日曜日に大きな鍋でうどんを作ります。",
        "雨がやんだあと、子どもたちは庭で紙の船を浮かべた。",
        "市は冬が来る前に古い橋を直すことに決めた。",
        "駅前のピアノを誰が置いたのか、誰も知らない。",
        "図書館は夏休みのあいだ早く閉まります。",
    ],
    "ko": [
        "오늘 아침 기차는 평소보다 십 분 일찍 도착했다.",
        "할머니는 일요일마다 큰 냄비에 국수를 끓이신다.",
        "비가 그친 뒤 아이들은 마당에서 종이배를 띄웠다.",
        "시청은 겨울이 오기 전에 오래된 다리를 고치기로 했다.",
        "도서관은 여름 방학 동안 일찍 문을 닫습니다.",
    ],
    "el": [
        "Το τρένο έφτασε στον σταθμό δέκα λεπτά νωρίτερα.",
        "Η γιαγιά μου ψήνει ψωμί κάθε Κυριακή πρωί.",
        "Τα παιδιά έπαιζαν στην αυλή μέχρι να νυχτώσει.",
        "Ο δήμος θα επισκευάσει τη γέφυρα πριν από τον χειμώνα.",
        "Κανείς δεν ξέρει ποιος φύτεψε αυτή τη λεμονιά.",
    ],
    "vi": [
        "Chuyến tàu sáng nay đến ga sớm hơn mười phút.",
        "Bà tôi nấu một nồi mì lớn vào mỗi chủ nhật.",
        "Sau cơn mưa, bọn trẻ thả thuyền giấy trong sân.",
        "Không ai biết ai đã trồng cây chanh này.",
        "Thư viện đóng cửa sớm hơn trong kỳ nghỉ hè.",
    ],
}  # fmt: skip
ODD = ["", " ", "12345 67890", "!!! ???", "a", "OK", "\u3000", "https://example.org/a?b=c", "😀 😀"]


def all_texts() -> list[str]:
    """Return some hundred texts: sentences, joined, shouted, cut and mixed, and odd ones."""
    texts = list(ODD)
    for lines in SENTENCES.values():
        texts += lines
        texts += [f"{a}\n{b}" for a, b in zip(lines, lines[1:], strict=False)]
        texts += [lines[0].upper(), lines[1][:12], " ".join(lines), "\n\n".join(lines * 5)]
    languages = list(SENTENCES.values())
    texts += [f"{a[2]} {b[3]}" for a, b in zip(languages, languages[1:], strict=False)]
    return texts


def quality_lines() -> list[str]:
    """Return lines to train a filter on: sentences of two groups of languages, two labels."""
    lines = []
    for number, sentences in enumerate(SENTENCES.values()):
        label = "__label__hq" if number % 2 else "__label__cc"
        lines += [f"{label} {sentence}" for sentence in sentences]
    return lines
