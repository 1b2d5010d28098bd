"""Units of measure, as data."""

from shared.clips import Side
from worker.spoken.tables import Table, table

# After a number: a way for one, a way for more, and so on by turns.
UNITS: dict[Side, Table] = {
    "en": table("""
        km : kilometer | kilometers
        m : meter | meters
        cm : centimeter | centimeters
        mm : millimeter | millimeters
        mi : mile | miles
        ft : foot | feet
        yd : yard | yards
        kg : kilogram | kilograms | kilo | kilos
        g : gram | grams
        mg : milligram | milligrams
        lb : pound | pounds
        lbs : pound | pounds
        oz : ounce | ounces
        t : ton | tons
        l : liter | liters
        L : liter | liters
        ml : milliliter | milliliters
        mL : milliliter | milliliters
        cl : centiliter | centiliters
        h : hour | hours
        hr : hour | hours
        hrs : hour | hours
        min : minute | minutes
        mins : minute | minutes
        s : second | seconds
        sec : second | seconds
        secs : second | seconds
        ms : millisecond | milliseconds
        km/h : kilometer per hour | kilometers per hour | kilometer an hour | kilometers an hour
        kph : kilometer per hour | kilometers per hour | kilometer an hour | kilometers an hour
        mph : mile per hour | miles per hour | mile an hour | miles an hour
        m/s : meter per second | meters per second | meter a second | meters a second
        m^2 : square meter | square meters | meter squared | meters squared
        km^2 : square kilometer | square kilometers | kilometer squared | kilometers squared
        cm^2 : square centimeter | square centimeters | centimeter squared | centimeters squared
        m^3 : cubic meter | cubic meters | meter cubed | meters cubed
        cm^3 : cubic centimeter | cubic centimeters | centimeter cubed | centimeters cubed
        ha : hectare | hectares
        °C : degree celsius | degrees celsius | degree c | degrees c | degree centigrade | degrees centigrade | degree | degrees
        °F : degree fahrenheit | degrees fahrenheit | degree f | degrees f | degree | degrees
        ° : degree | degrees
        V : volt | volts
        W : watt | watts
        kW : kilowatt | kilowatts
        kWh : kilowatt hour | kilowatt hours
        Hz : hertz | hertz
        GHz : gigahertz | gigahertz
        MB : megabyte | megabytes
        GB : gigabyte | gigabytes
        TB : terabyte | terabytes
        k : thousand | thousand
        bn : billion | billion
        p : penny | pence
        """),
    "fr": table("""
        km : kilomètre | kilomètres
        m : mètre | mètres
        cm : centimètre | centimètres
        mm : millimètre | millimètres
        kg : kilogramme | kilogrammes | kilo | kilos
        g : gramme | grammes
        mg : milligramme | milligrammes
        t : tonne | tonnes
        l : litre | litres
        L : litre | litres
        ml : millilitre | millilitres
        mL : millilitre | millilitres
        cl : centilitre | centilitres
        h : heure | heures
        min : minute | minutes
        mn : minute | minutes
        s : seconde | secondes
        sec : seconde | secondes
        ms : milliseconde | millisecondes
        km/h : kilomètre heure | kilomètres heure | kilomètre à l'heure | kilomètres à l'heure | kilomètre par heure | kilomètres par heure
        m/s : mètre par seconde | mètres par seconde | mètre seconde | mètres seconde
        m^2 : mètre carré | mètres carrés
        km^2 : kilomètre carré | kilomètres carrés
        cm^2 : centimètre carré | centimètres carrés
        m^3 : mètre cube | mètres cubes
        cm^3 : centimètre cube | centimètres cubes
        ha : hectare | hectares
        °C : degré celsius | degrés celsius | degré | degrés
        °F : degré fahrenheit | degrés fahrenheit | degré | degrés
        ° : degré | degrés
        V : volt | volts
        W : watt | watts
        kW : kilowatt | kilowatts
        kWh : kilowatt heure | kilowatts heure | kilowattheure | kilowattheures | kilowatt heure | kilowatts heures
        Hz : hertz | hertz
        GHz : gigahertz | gigahertz
        Mo : mégaoctet | mégaoctets
        Go : gigaoctet | gigaoctets
        To : téraoctet | téraoctets
        k : mille | mille
        """),
}
